    none_made((int *)a.v[65], (u32)a.v[92], (int *)a.v[70]);
    if (threadIdx.x == 0) {
        Ring<4, 8192u> t21(shared + 0u, shared + 112640u);
        Ring<6, 8192u> t22(shared + 32768u, shared + 112704u);
        Ring<3, 8192u> t23(shared + 81920u, shared + 112800u);
        Ring<3, 2048u> t24(shared + 106496u, shared + 112848u);
        t21.make(1, 9);
        t22.make(1, 5);
        t23.make(4, 5);
        t24.make(4, 1);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
            Stored stored;
                    stored.release(t92);
                stored.made((int *)a.v[65] + item);
            stored.end();
            Stored stored;
                        stored.release(t116);
                        stored.skip(t21.take());
                        stored.release(t119);
                        stored.skip(t22.take());
                stored.made((int *)a.v[65] + item);
            stored.end();
            Stored stored;
                    stored.release(t163);
                stored.made((int *)a.v[65] + item);
            stored.end();
