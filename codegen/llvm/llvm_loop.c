/* Blocks and counted loops: see llvm_gen.h. Loops are tested at the bottom behind a guard, so that the body of an
 * innermost loop is a single block; the guard is left out where the bounds are constants that let it run. */
#include "codegen/llvm/llvm_gen.h"

Blk gen_block(Gen *g, const char *name) { return LLVMAppendBasicBlockInContext(g->context, g->function, name); }
Blk gen_here(Gen *g) { return LLVMGetInsertBlock(g->b); }

/* Before the terminator of a block that is complete already. */
void gen_enter(Gen *g, Blk block) {
    const Val terminator = LLVMGetBasicBlockTerminator(block);
    if (terminator)
        LLVMPositionBuilderBefore(g->b, terminator);
    else
        LLVMPositionBuilderAtEnd(g->b, block);
}

void gen_jump(Gen *g, Blk block) { LLVMBuildBr(g->b, block); }
void gen_branch(Gen *g, Val condition, Blk yes, Blk no) { LLVMBuildCondBr(g->b, condition, yes, no); }

static bool runs_at_least_once(Val lo, Val hi) {
    int64_t first, end;
    return gen_constant(lo, &first) && gen_constant(hi, &end) && first < end;
}

void gen_loop_open(Gen *g, Loop *loop, const char *name, Val lo, Val hi, Val step, Val *const initial, int count) {
    loop->guard = gen_here(g);
    loop->body = gen_block(g, name);
    loop->exit = gen_block(g, ctx_printf(g->ctx, "%s.end", name));
    loop->hi = hi;
    loop->step = step;
    loop->count = count;
    loop->initial = initial;
    loop->carried = NEW_ARRAY(g->ctx, Val, count);
    loop->nonempty = runs_at_least_once(lo, hi);
    if (loop->nonempty)
        gen_jump(g, loop->body);
    else
        gen_branch(g, gen_less(g, lo, hi), loop->body, loop->exit);
    gen_enter(g, loop->body);
    loop->iv = LLVMBuildPhi(g->b, LLVMTypeOf(lo), name);
    LLVMAddIncoming(loop->iv, &lo, &loop->guard, 1);
    for (int i = 0; i < count; i++) {
        loop->carried[i] = LLVMBuildPhi(g->b, LLVMTypeOf(initial[i]), "");
        LLVMAddIncoming(loop->carried[i], &initial[i], &loop->guard, 1);
    }
}

void gen_loop_close(Gen *g, Loop *loop, Val *const next) {
    Blk       latch = gen_here(g);
    const Val following = LLVMBuildAdd(g->b, loop->iv, loop->step, "");
    gen_branch(g, gen_less(g, following, loop->hi), loop->body, loop->exit);
    LLVMAddIncoming(loop->iv, (Val *)&following, &latch, 1);
    for (int i = 0; i < loop->count; i++)
        LLVMAddIncoming(loop->carried[i], &next[i], &latch, 1);
    LLVMMoveBasicBlockAfter(loop->exit, latch);
    gen_enter(g, loop->exit);
    for (int i = 0; i < loop->count; i++) {
        loop->carried[i] = LLVMBuildPhi(g->b, LLVMTypeOf(next[i]), "");
        LLVMAddIncoming(loop->carried[i], &next[i], &latch, 1);
        if (!loop->nonempty)
            LLVMAddIncoming(loop->carried[i], &loop->initial[i], &loop->guard, 1);
    }
}
