        load_sides_column<float, Rows<-1, -1, 2, 0, 1>, 4, 64, 1>(t191, view(a.v + 25, 0, 0, n32, 0, 1073741824));
        load_sides_column<float, Rows<-1, -1, 2, 0, 1>, 4, 64, 1>(t193, view(a.v + 30, 0, 0, n32, 0, 1073741824));
