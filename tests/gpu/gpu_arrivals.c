/* Blocks that count themselves in working memory, on a real device: whatever it holds at first, one block of each group is the last
 * one, and sees what all others have written, launch after launch and with any number of blocks. What is counted with is the
 * prelude's. Out: "ok NAME" or "not ok NAME (why)" a case; exit code 1 if one failed, 77 where there is no device or no NVRTC. */
#include "codegen/ptx/ptx_gen.h"
#include "tests/gpu/gpu_testing.h"

#include <stdlib.h>
#include <string.h>

enum { GROUPS = 700, MOST = 15, NUMBERS = 4 /* of a block: its own, what it sees as the last one */, LAUNCHES = 5 };
/* Of the working memory, whose size is told in whole pieces of 256. */
enum { CELL_BYTES = (GROUPS * 8 + 255) / 256 * 256 };

/* args: cells at 0, o at 5, Syms from 10. The block's last thread writes, its first one counts. */
static const char SOURCE[] =
    "struct Args { i64 v[10 + SYM_COUNT + 1]; };\n"
    "extern \"C\" __global__ void come(const __grid_constant__ Args args) {\n"
    "    const u32 T = (u32)args.v[10 + SYM_T], group = blockIdx.x / T, t = blockIdx.x % T;\n"
    "    float *o = (float *)args.v[5] + group * T * 4;\n"
    "    if (threadIdx.x == blockDim.x - 1) { o[t * 4] = (float)(args.v[10 + SYM_POS] + t); o[t * 4 + 1] = 0.f; }\n"
    "    if (!arrive((u64 *)args.v[0] + group, T)) return;\n"
    "    float sum = 0.f;\n"
    "    for (u32 n = 0; n < T; n++) sum += o[n * 4];\n"
    "    if (threadIdx.x == 1) o[t * 4 + 1] = sum;\n"
    "}\n";

typedef struct Bed {
    CudaDevice     *device;
    CodeParam       params[2];
    CodePhase       phase;
    CodeObject      object;
    CudaExecutable *executable;
    CuPointer       cells, o;
    float           got[GROUPS * MOST * NUMBERS];
} Bed;

static Status make_bed(Ctx *ctx, Bed *bed, const NvrtcResult *code) {
    bed->params[0] = (CodeParam){"cells", DT_I64, PARAM_WORK, 4, {1, 1, DIM_SYM(SYM_B), 1}, 0};
    /* Called q, of which every code object has one: launches take sizes from it. */
    bed->params[1] = (CodeParam){"q", DT_F32, PARAM_OUT, 4, {DIM_SYM(SYM_B), DIM_SYM(SYM_T), 1, NUMBERS}, 0};
    bed->phase = (CodePhase){.symbol = "come", .axis_count = 2, .axes = {DIM_SYM(SYM_B), DIM_SYM(SYM_T), 1, 1}, .threads = 64};
    bed->object = object_of("gpu_arrivals", code, bed->params, 2, &bed->phase, 1);
    TRY(cuda_alloc(ctx, bed->device, CELL_BYTES, &bed->cells));
    TRY(cuda_alloc(ctx, bed->device, (int64_t)sizeof bed->got, &bed->o));
    return cuda_executable_load(ctx, bed->device, &bed->object, &bed->executable);
}

/* In each group one block has the sum of all numbers, the others none. */
static bool is_right(const Bed *bed, int blocks, int position) {
    const float all = (float)(blocks * position + blocks * (blocks - 1) / 2);
    bool        right = true;
    for (int g = 0; g < GROUPS; g++) {
        int last = 0;
        for (int t = 0; t < blocks; t++) {
            const float sum = bed->got[(g * blocks + t) * NUMBERS + 1];
            right &= sum == 0 || sum == all;
            last += sum != 0;
        }
        right &= last == 1;
    }
    return right;
}

static Status launch(Ctx *ctx, Bed *bed, int blocks, int position, bool *right) {
    const CudaPlace place = {.workspace = bed->cells, .workspace_bytes = CELL_BYTES};
    const Tensor    o = {(void *)(uintptr_t)bed->o, DT_F32, 4, {GROUPS, blocks, 1, NUMBERS}, {blocks * NUMBERS, NUMBERS, NUMBERS, 1}};
    TRY(cuda_executable_launch(ctx, bed->executable, &place, &o, position));
    TRY(cuda_stream_wait(ctx, bed->device, NULL));
    TRY(cuda_copy_out(ctx, bed->device, bed->got, bed->o, GROUPS * blocks * NUMBERS * 4));
    *right &= is_right(bed, blocks, position);
    return ST_OK;
}

/* Memory that held `byte` everywhere, or, if negative, anything. */
static Status run_case(Ctx *ctx, Bed *bed, int byte, bool *right) {
    static const int BLOCKS[] = {8, 1, 3, MOST, 2};
    uint64_t         cells[GROUPS], random = 88172645463325252u;
    *right = true;
    memset(cells, byte, sizeof cells);
    for (int g = 0; g < GROUPS && byte < 0; g++)
        cells[g] = random = random * 6364136223846793005u + 1442695040888963407u;
    TRY(cuda_copy_in(ctx, bed->device, bed->cells, cells, sizeof cells));
    for (size_t b = 0; b < sizeof BLOCKS / sizeof *BLOCKS; b++)
        for (int n = 1; n <= LAUNCHES; n++)
            TRY(launch(ctx, bed, BLOCKS[b], 10 * n + (int)b, right));
    return ST_OK;
}

static void check(Ctx *ctx, Bed *bed, const char *name, int byte) {
    bool         right = false;
    const Status status = run_case(ctx, bed, byte, &right);
    verdict(ctx, name, status, right);
}

static Status run_all(Ctx *ctx, void *arg) {
    Bed *const  bed = arg;
    NvrtcResult code;
    TRY(cuda_device_open(ctx, 0, &bed->device));
    const char *const source = ctx_printf(ctx, "#define SHARED_WARPS 0\n#define SYM_T %d\n#define SYM_POS %d\n#define SYM_COUNT %d\n%s%s",
                                          SYM_T, SYM_POS, SYM_COUNT, ptx_prelude, SOURCE);
    TRY(compile_for(ctx, bed->device, "gpu_arrivals.cu", source, &code));
    TRY(make_bed(ctx, bed, &code));
    check(ctx, bed, "the last block, from zeros", 0);
    check(ctx, bed, "the last block, from ones", 0xff);
    check(ctx, bed, "the last block, from equal bytes", 0x81);
    check(ctx, bed, "the last block, from anything", -1);
    cuda_free(bed->device, bed->cells);
    cuda_free(bed->device, bed->o);
    cuda_executable_free(bed->executable);
    cuda_device_close(bed->device);
    return ST_OK;
}

int main(void) {
    static Bed bed;
    return run_cases(run_all, &bed);
}
