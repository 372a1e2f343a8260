/* Long sequences cut into segments that run at the same time.
 * A kernel whose row loop runs in order and carries states starts each segment from the sum of what those before it add to
 * them: one kernel sums up what each segment adds, another one adds these up. The sums are in a work parameter
 * [K, N, kv_heads * rows, cols] for each state, K = S - 1. How long segments are is known at launch: L = a multiple of chunk, no
 * less than the module's `segment`. */
#ifndef RATTAN_PASSES_SEGMENTS_H
#define RATTAN_PASSES_SEGMENTS_H

#include "passes/loops.h"

/* for row in 0 .. length  ->  for segment in 0 .. S { for row in segment * L .. min(length, segment * L + L) }.
 * -> the segment's number. */
Value *segments_cut(Ctx *ctx, Kernel *kernel, Op *rows);

/* The parameter with the sums of the row loop's state number `state`, where `sums` has those of the first. */
const char *segments_param(Ctx *ctx, const char *sums, int state);

/* At b, before the row loop of segment number `segment`: the state that it starts from, a tile of type `state`; zeros of the first
 * segment. transposed: the parameter holds the sums of its transpose. */
Value *segments_start(Ctx *ctx, const Op *rows, Builder *b, Value *segment, const char *param, Type state, bool transposed);

/* `states`, a copy of a cut kernel that is in no module: nothing but its row loop's carried states is left, and these are what each
 * segment but the last adds. It and the kernel that adds them up, NAME_state and NAME_scan, come before kernel number `at` of
 * the module, all of whose kernels get the parameters with the sums. */
void segments_add_kernels(Ctx *ctx, Module *module, int at, Kernel *states, const char *name, const char *sums);

/* `kernel` becomes number `at`, with the parameters that all others have. */
void segments_insert_kernel(Ctx *ctx, Module *module, int at, Kernel *kernel);

/* ---- Sums that rows add to in memory, of keys of the segment before, too: see segment_keys.c ---- */

/* Keys before a segment that its rows may add to, whole tiles: a multiple of chunk. */
int64_t segments_halo(const Spec *spec, const Schedule *schedule);
/* The least length of segments whose rows reach no further than the segment before. */
int64_t segments_least(const Spec *spec, const Schedule *schedule);

/* Kind backward: cuts kernel number `at`, `rows`, which adds to such sums, and puts `segment_keys` behind it. -> the segment's number. */
Value *segments_cut_rows(Ctx *ctx, Module *module, int at, const PassArgs *args);

/* Kind backward: cuts kernel `parts`, whose sums over tokens go by parts of so many. */
void segments_cut_parts(Ctx *ctx, Module *module, int64_t tokens_a_part);

#endif
