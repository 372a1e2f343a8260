    none_made((int *)a.v[35], (u32)a.v[62], (int *)a.v[40]);
    if (threadIdx.x == 0) {
        Ring<4, 8192u> t14(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t15(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t16(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t17(shared + 106496u, shared + 112848u);
        t14.make(1, 8);
        t15.make(1, 4);
        t16.make(4, 5);
        t17.make(4, 1);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
            Stored stored;
                    stored.release(t53);
                stored.made((int *)a.v[35] + item);
            stored.end();
            Stored stored;
                    stored.release(t93);
                stored.made((int *)a.v[35] + item);
            stored.end();
