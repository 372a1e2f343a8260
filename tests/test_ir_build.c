/* link: rattan_ir rattan_base */
/* Building and rewriting: what the shorthands make verifies, and moves, clones, replacements and queries do what they
 * say. */
#include "tests/ir_testing.h"

typedef struct Made { /* a kernel under construction */
    Ctx     ctx;
    Module *module;
    Kernel *kernel;
    Builder b;
} Made;

static void start(Made *made, Level level) {
    const int64_t dims[4] = {DIM_SYM(SYM_B), DIM_SYM(SYM_T), 8, 64};
    ctx_init(&made->ctx);
    made->module = ir_module(&made->ctx, "m");
    made->kernel = ir_kernel(&made->ctx, made->module, "k", level);
    ir_param(&made->ctx, made->kernel, "q", DT_BF16, PARAM_IN, 4, dims);
    ir_param(&made->ctx, made->kernel, "o", DT_F32, PARAM_OUT, 4, dims);
    ir_param(&made->ctx, made->kernel, "cu", DT_I32, PARAM_IN, 1, (int64_t[]){DIM_N_PLUS_1});
    made->b = ir_at_end(&made->ctx, made->kernel, made->kernel->body);
}

static void finish(Made *made) {
    if (ir_verify(&made->ctx, made->module) != ST_OK)
        fail_msg("%s\n%s", described(&made->ctx), ir_text(&made->ctx, made->module));
    const char *text = ir_text(&made->ctx, made->module);
    assert_string_equal(ir_text(&made->ctx, parse_ok(&made->ctx, text)), text);
    ctx_free(&made->ctx);
}

static Access access_of(const char *param) {
    return (Access){.param = param, .rowdim = 1, .groupdim = -1, .period = 16};
}

static void test_tile_shorthands_verify(void **state) {
    (void)state;
    Made made;
    start(&made, LEVEL_TILE);
    Builder *b = &made.b;
    Access   q = access_of("q"), o = access_of("o");
    q.at[1] = ir_sym(b, SYM_POS);
    q.hi = ir_iload(b, "cu", ir_i(b, 1));
    q.wrap = 100;
    Value *x = ir_rope(b, ir_load(b, &q, 16, 64), q.at[1], 10000, 1, 16);
    Value *ring = ir_ring(b, 3, 16, 64);
    ir_ring_put(b, ring, ir_i(b, 5), x);
    Value *y = ir_ring_get(b, ring, ir_i(b, 5));
    Value *scores = ir_dot(b, x, y, NULL, false, true);
    scores = ir_mask(b, scores, q.at[1], ir_i(b, 0), IR_NEG_INF, 0, 16, -INFINITY);
    Op     *rows = ir_rows(b, 16);
    Builder inner = ir_at_end(&made.ctx, made.kernel, rows->region);
    Value  *e = ir_unary(&inner, OP_EXP, scores), *sum = ir_unary(&inner, OP_ROWSUM, e);
    ir_rows_finish(&made.ctx, made.kernel, rows, (Value *[]){e, sum}, 2);
    Value *acc = ir_dot(b, rows->out[0], y, ir_f(b, 0, 16, 64), false, false);
    ir_store(b, &o, ir_binary(b, OP_DIV, ir_convert(b, acc, DT_F32), rows->out[1]));
    assert_int_equal(rows->out[1]->type.cols, 1);
    finish(&made);
}

static void test_loop_shorthands_verify(void **state) {
    (void)state;
    Made made;
    start(&made, LEVEL_LOOP);
    Builder *b = &made.b;
    Value   *zero = ir_i(b, 0), *n = ir_sym(b, SYM_T), *one = ir_i(b, 1);
    Op      *loop = ir_for(b, "row", true, zero, n, one, NULL, 0);
    Builder  body = ir_at_end(&made.ctx, made.kernel, loop->region);
    Op      *softmax = ir_softmax_sum(&body, "key", zero, loop->region->args[0], ir_f(&body, 1, 1, 1), 64);
    Builder  key = ir_at_end(&made.ctx, made.kernel, softmax->region);
    ir_yield(&key, (Value *[]){ir_f(&key, 2, 1, 1), ir_f(&key, 3, 1, 64)}, 2);
    Op     *sum = ir_sum(&body, "key", zero, n, 1, 64);
    Builder term = ir_at_end(&made.ctx, made.kernel, sum->region);
    ir_yield(&term, (Value *[]){ir_f(&term, 2, 1, 64)}, 1);
    Op     *branch = ir_if(&body, one, softmax->out, 1);
    Builder then = ir_at_end(&made.ctx, made.kernel, branch->region);
    ir_yield(&then, sum->out, 1);
    Access o = access_of("o");
    o.at[1] = loop->region->args[0];
    ir_store(&body, &o, branch->out[0]);
    ir_yield(&body, NULL, 0);
    finish(&made);
}

/* A loop that carries x, built by hand: op 0 .. 3 are constants, op 4 is the loop. */
static Op *carrying_loop(Made *made) {
    Builder *b = &made->b;
    Value   *x = ir_f(b, 1, 4, 4), *lo = ir_i(b, 0), *hi = ir_i(b, 9), *step = ir_i(b, 1);
    Op      *loop = ir_for(b, "row", false, lo, hi, step, &x, 1);
    Builder  body = ir_at_end(&made->ctx, made->kernel, loop->region);
    Value   *next = ir_unary(&body, OP_NEG, loop->region->args[1]);
    ir_yield(&body, &next, 1);
    return loop;
}

static void test_carried_values_come_and_go(void **state) {
    (void)state;
    Made made;
    start(&made, LEVEL_TILE);
    Op    *loop = carrying_loop(&made);
    Value *start_value = loop->in[3];
    op_add_in(&made.ctx, loop, 4, start_value);
    op_add_out(&made.ctx, made.kernel, loop, start_value->type);
    Value *arg = block_arg(&made.ctx, made.kernel, loop->region, start_value->type, "added");
    op_add_in(&made.ctx, ir_terminator(loop->region), 1, arg);
    assert_int_equal(ir_verify(&made.ctx, made.module), ST_OK);
    ir_replace_uses(made.kernel, loop->region->args[1], arg);
    op_remove_in(loop, 3);
    op_remove_in(ir_terminator(loop->region), 0);
    op_remove_out(loop, 0);
    block_remove_arg(loop->region, 1);
    assert_int_equal(loop->out[0]->index, 0);
    assert_string_equal(loop->region->args[1]->name, "added");
    finish(&made);
}

static void test_queries(void **state) {
    (void)state;
    Made made;
    start(&made, LEVEL_TILE);
    Op    *loop = carrying_loop(&made), *neg = loop->region->first;
    Value *x = loop->in[3], *carried = loop->region->args[1];
    int    users;
    assert_int_equal(ir_use_count(made.kernel, x), 1);
    assert_ptr_equal(ir_users(&made.ctx, made.kernel, carried, &users)[0], neg);
    assert_int_equal(users, 1);
    assert_true(ir_defined_in(neg->out[0], made.kernel->body) && ir_defined_in(carried, loop->region));
    assert_false(ir_defined_in(x, loop->region));
    assert_true(ir_dominates(x, neg) && ir_dominates(carried, neg) && ir_dominates(neg->out[0], neg->next));
    assert_false(ir_dominates(neg->out[0], neg) || ir_dominates(loop->out[0], neg) || ir_dominates(carried, loop));
    assert_true(ir_precedes(x->def, loop) && !ir_precedes(loop, x->def));
    assert_ptr_equal(ir_ancestor_in(neg, made.kernel->body), loop);
    assert_true(ir_is_const(loop->in[1], 9) && !ir_is_const(loop->in[1], 8) && !ir_is_const(carried, 0));
    assert_false(ir_has_effects(loop));
    Builder body = ir_before(&made.ctx, made.kernel, neg);
    Access  o = access_of("o");
    ir_store(&body, &o, carried);
    assert_true(ir_has_effects(loop) && ir_has_effects(loop->region->first->next->next->next->next->next));
    finish(&made);
}

static void test_cloning_maps_operands(void **state) {
    (void)state;
    Made made;
    start(&made, LEVEL_TILE);
    Op      *loop = carrying_loop(&made);
    ValueMap map = {.ctx = &made.ctx};
    Value   *other = ir_f(&made.b, 5, 4, 4);
    map_set(&map, loop->in[3], other);
    Op *copy = ir_clone(&made.b, loop, &map);
    assert_ptr_equal(copy->in[3], other);
    assert_ptr_equal(copy->in[0], loop->in[0]);
    assert_ptr_equal(map_get(&map, loop->out[0]), copy->out[0]);
    assert_ptr_equal(copy->region->first->in[0], copy->region->args[1]);
    assert_true(copy->region->args[1] != loop->region->args[1] && copy->region->owner == copy);
    finish(&made);
}

static void test_maps_hold_many(void **state) {
    (void)state;
    Made made;
    start(&made, LEVEL_TILE);
    ValueMap map = {.ctx = &made.ctx};
    Value   *values[500];
    for (int i = 0; i < 500; i++)
        values[i] = ir_i(&made.b, i);
    for (int i = 0; i < 499; i++)
        map_set(&map, values[i], values[i + 1]);
    map_set(&map, values[7], values[0]);
    for (int i = 0; i < 500; i++)
        assert_ptr_equal(map_get(&map, values[i]), i == 7 ? values[0] : i == 499 ? values[i] : values[i + 1]);
    finish(&made);
}

static void test_moving_a_region_out(void **state) {
    (void)state;
    Made made;
    start(&made, LEVEL_TILE);
    Op     *loop = carrying_loop(&made), *neg = loop->region->first;
    Builder before = ir_before(&made.ctx, made.kernel, loop);
    ir_replace_uses(made.kernel, loop->region->args[1], loop->in[3]);
    ir_move_ops(&before, loop->region);
    assert_ptr_equal(neg->parent, made.kernel->body);
    assert_ptr_equal(neg->next, loop);
    assert_ptr_equal(loop->region->first, ir_terminator(loop->region));
    finish(&made);
}

static bool erase_negs(Op *op, void *arg) {
    if (op->code == OP_NEG) {
        ir_replace_uses(arg, op->out[0], op->in[0]);
        op_erase(op);
    }
    return true;
}

static void test_erasing_while_walking(void **state) {
    (void)state;
    Made made;
    start(&made, LEVEL_TILE);
    Op *loop = carrying_loop(&made);
    assert_true(ir_walk(made.kernel->body, erase_negs, made.kernel));
    assert_int_equal(loop->region->first->code, OP_YIELD);
    assert_ptr_equal(loop->region->first->in[0], loop->region->args[1]);
    finish(&made);
}

static void test_identities_make_nothing(void **state) {
    (void)state;
    Made made;
    start(&made, LEVEL_TILE);
    Builder *b = &made.b;
    Value   *x = ir_sym(b, SYM_T), *zero = ir_i(b, 0), *one = ir_i(b, 1);
    assert_ptr_equal(ir_ibin(b, OP_IADD, x, zero), x);
    assert_ptr_equal(ir_ibin(b, OP_IADD, zero, x), x);
    assert_ptr_equal(ir_ibin(b, OP_ISUB, x, zero), x);
    assert_ptr_equal(ir_ibin(b, OP_IMUL, one, x), x);
    assert_ptr_equal(ir_ibin(b, OP_IMUL, x, one), x);
    assert_ptr_equal(ir_ibin(b, OP_IMUL, x, zero), zero);
    assert_ptr_equal(ir_ibin(b, OP_IDIV, x, one), x);
    assert_ptr_equal(ir_ibin(b, OP_IMIN, x, x), x);
    assert_ptr_equal(made.kernel->body->last, one->def);
    assert_int_equal(ir_ibin(b, OP_ISUB, zero, x)->def->code, OP_ISUB);
    finish(&made);
}

static void test_tile_layout(void **state) {
    (void)state;
    assert_int_equal(ir_tile_stride(type_tile(DT_F32, 64, 128)), 128);
    assert_int_equal(ir_tile_stride(type_tile(DT_F32, 64, 40)), 48);
    assert_int_equal(ir_tile_stride(type_tile(DT_F32, 64, 1)), 1);
    assert_int_equal(ir_tile_bytes(type_tile(DT_F32, 3, 40)), 576);
    assert_int_equal(ir_tile_bytes(type_tile(DT_F32, 5, 1)), 64);
    assert_int_equal(ir_tile_bytes(type_tile(DT_BF16, 3, 40)), 320);
    assert_int_equal(ir_tile_bytes(type_ring(3, DT_F32, 5, 1)), 192);
    assert_int_equal(ir_tile_bytes(type_index()), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tile_shorthands_verify),     cmocka_unit_test(test_loop_shorthands_verify),
        cmocka_unit_test(test_carried_values_come_and_go), cmocka_unit_test(test_queries),
        cmocka_unit_test(test_cloning_maps_operands),      cmocka_unit_test(test_maps_hold_many),
        cmocka_unit_test(test_moving_a_region_out),        cmocka_unit_test(test_erasing_while_walking),
        cmocka_unit_test(test_identities_make_nothing),    cmocka_unit_test(test_tile_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
