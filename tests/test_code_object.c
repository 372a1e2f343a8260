/* link: rattan_base */
/* CodeObject <-> bytes: an exact round trip, and every damaged block refused. */
#include "base/code_object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint64_t state = 0x9E3779B97F4A7C15u;

static uint64_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static CodeObject *make_object(void) {
    CodeObject *object = calloc(1, sizeof *object);
    object->kind = 1;
    object->variant = 5;
    object->chunk = 64;
    object->segment = 2048;
    object->min_items = 16;
    object->even_items = 3;
    object->spread = 1;
    object->parts = 8;
    object->lead = 15;
    object->head_slices = 4;
    object->kv_heads = 8;
    object->window = INT64_C(1) << 40;
    object->ring_rows = 576;
    object->param_count = 3;
    object->params = malloc(3 * sizeof(CodeParam));
    memset(object->params, 0xA5, 3 * sizeof(CodeParam)); /* what lies behind the names must not reach the bytes */
    for (int p = 0; p < 3; p++) {
        CodeParam *param = &object->params[p];
        snprintf(param->name, sizeof param->name, "param%d", p);
        param->dtype = DT_BF16;
        param->role = p == 2 ? PARAM_OUT : PARAM_IN;
        param->rank = 4 - p;
        param->sliced = p;
        const int64_t dims[4] = {DIM_SYM(SYM_B), DIM_SYM(SYM_POS), DIM_N_PLUS_1, 1 + (int64_t)(next_random() % 1000)};
        memcpy(param->dims, dims, sizeof dims);
    }
    object->phase_count = 2;
    object->phases = malloc(2 * sizeof(CodePhase));
    memset(object->phases, 0x5A, 2 * sizeof(CodePhase));
    for (int p = 0; p < 2; p++) {
        CodePhase *phase = &object->phases[p];
        snprintf(phase->symbol, sizeof phase->symbol, "rattan_test_phase%d", p);
        phase->axis_count = 2;
        phase->axes[0] = DIM_SYM(SYM_N);
        phase->axes[1] = 8;
        phase->scratch_bytes = 4096 * (p + 1);
        phase->threads = 128 * p;
        phase->shared_bytes = 230000 * p;
        phase->resident = 2 * p;
        phase->blocks = 66 * p;
        phase->overlaps = p == 1;
        phase->cluster = p == 0;
        phase->beside = p;
        phase->beside_before = 2 + p;
        phase->code_at = 16 * p;
        phase->ptx_at = 4 * p;
        phase->map_count = 3 * p;
        for (int m = 0; m < phase->map_count; m++)
            phase->maps[m] =
                (CodeMap){.param = m, .dims = 4 - m, .box_rows = 64 + m, .row_dim = 2 - m % 2, .box_cols = 32};
    }
    object->name = strdup("test");
    object->spec = strdup("name = \"test\"\nheads = 8\n");
    object->schedule = strdup("chunk=64");
    object->target = strdup("x86-64-v3");
    object->cpu = strdup("");
    object->features = strdup("+avx2,+fma");
    object->compiler = strdup("rattan; LLVM");
    object->ptx = strdup(".version 9.0\n");
    object->payload_size = 777;
    object->payload = malloc(object->payload_size);
    for (size_t i = 0; i < object->payload_size; i++)
        object->payload[i] = (uint8_t)next_random();
    return object;
}

typedef struct Fixture {
    Ctx         ctx;
    CodeObject *object;
    uint8_t    *bytes;
    size_t      size;
} Fixture;

static int setup(void **data) {
    Fixture *fixture = calloc(1, sizeof *fixture);
    ctx_init(&fixture->ctx);
    fixture->object = make_object();
    *data = fixture;
    return (int)code_object_encode(&fixture->ctx, fixture->object, &fixture->bytes, &fixture->size);
}

static int teardown(void **data) {
    Fixture *fixture = *data;
    code_object_free(fixture->object);
    free(fixture->bytes);
    ctx_free(&fixture->ctx);
    free(fixture);
    return 0;
}

static void test_round_trip(void **data) {
    Fixture          *fixture = *data;
    const CodeObject *a = fixture->object;
    CodeObject       *b = NULL;
    assert_int_equal(code_object_decode(&fixture->ctx, fixture->bytes, fixture->size, &b), ST_OK);
    assert_int_equal(b->kind, a->kind);
    assert_int_equal(b->variant, a->variant);
    assert_int_equal(b->chunk, a->chunk);
    assert_int_equal(b->segment, a->segment);
    assert_int_equal(b->min_items, a->min_items);
    assert_int_equal(b->even_items, a->even_items);
    assert_int_equal(b->spread, a->spread);
    assert_int_equal(b->parts, a->parts);
    assert_int_equal(b->lead, a->lead);
    assert_int_equal(b->head_slices, a->head_slices);
    assert_int_equal(b->kv_heads, a->kv_heads);
    assert_int_equal(b->window, a->window);
    assert_int_equal(b->ring_rows, a->ring_rows);
    assert_int_equal(b->param_count, 3);
    for (int p = 0; p < 3; p++) {
        assert_string_equal(b->params[p].name, a->params[p].name);
        assert_int_equal(b->params[p].dtype, a->params[p].dtype);
        assert_int_equal(b->params[p].role, a->params[p].role);
        assert_int_equal(b->params[p].rank, a->params[p].rank);
        assert_int_equal(b->params[p].sliced, a->params[p].sliced);
        assert_memory_equal(b->params[p].dims, a->params[p].dims, sizeof a->params[p].dims);
    }
    assert_int_equal(b->phase_count, 2);
    for (int p = 0; p < 2; p++) {
        assert_string_equal(b->phases[p].symbol, a->phases[p].symbol);
        assert_int_equal(b->phases[p].axis_count, 2);
        assert_memory_equal(b->phases[p].axes, a->phases[p].axes, 2 * sizeof(int64_t));
        assert_int_equal(b->phases[p].scratch_bytes, a->phases[p].scratch_bytes);
        assert_int_equal(b->phases[p].threads, a->phases[p].threads);
        assert_int_equal(b->phases[p].shared_bytes, a->phases[p].shared_bytes);
        assert_int_equal(b->phases[p].resident, a->phases[p].resident);
        assert_int_equal(b->phases[p].blocks, a->phases[p].blocks);
        assert_int_equal(b->phases[p].overlaps, a->phases[p].overlaps);
        assert_int_equal(b->phases[p].beside, a->phases[p].beside);
        assert_int_equal(b->phases[p].beside_before, a->phases[p].beside_before);
        assert_int_equal(b->phases[p].cluster, a->phases[p].cluster);
        assert_int_equal(b->phases[p].code_at, a->phases[p].code_at);
        assert_int_equal(b->phases[p].ptx_at, a->phases[p].ptx_at);
        assert_int_equal(b->phases[p].map_count, a->phases[p].map_count);
        for (int m = 0; m < a->phases[p].map_count; m++)
            assert_memory_equal(&b->phases[p].maps[m], &a->phases[p].maps[m], sizeof(CodeMap));
    }
    assert_string_equal(b->name, a->name);
    assert_string_equal(b->spec, a->spec);
    assert_string_equal(b->schedule, a->schedule);
    assert_string_equal(b->target, a->target);
    assert_string_equal(b->ptx, a->ptx);
    assert_string_equal(b->cpu, a->cpu);
    assert_string_equal(b->features, a->features);
    assert_string_equal(b->compiler, a->compiler);
    assert_int_equal(b->payload_size, a->payload_size);
    assert_memory_equal(b->payload, a->payload, a->payload_size);
    code_object_free(b);
}

static void test_equal_objects_give_equal_bytes(void **data) {
    Fixture    *fixture = *data;
    CodeObject *again = NULL;
    uint8_t    *bytes = NULL;
    size_t      size = 0;
    assert_int_equal(code_object_decode(&fixture->ctx, fixture->bytes, fixture->size, &again), ST_OK);
    assert_int_equal(code_object_encode(&fixture->ctx, again, &bytes, &size), ST_OK);
    assert_int_equal(size, fixture->size);
    assert_memory_equal(bytes, fixture->bytes, size);
    free(bytes);
    code_object_free(again);
}

static void expect_damaged(const uint8_t *bytes, size_t size) {
    Ctx         ctx;
    CodeObject *object = NULL;
    ctx_init(&ctx);
    /* a block of just that size, so that a read behind it is seen by the sanitizer */
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, bytes, size);
    assert_int_equal(code_object_decode(&ctx, exact, size, &object), ST_INTEGRITY);
    assert_null(object);
    assert_int_equal(ctx.status, ST_INTEGRITY);
    free(exact);
    ctx_free(&ctx);
}

static void test_truncated_anywhere(void **data) {
    Fixture *fixture = *data;
    for (size_t size = 0; size < fixture->size; size++)
        expect_damaged(fixture->bytes, size);
}

static void test_any_bit_flipped(void **data) {
    Fixture *fixture = *data;
    for (size_t i = 0; i < fixture->size; i++) {
        const uint8_t bit = (uint8_t)(1u << next_random() % 8);
        fixture->bytes[i] ^= bit;
        expect_damaged(fixture->bytes, fixture->size);
        fixture->bytes[i] ^= bit;
    }
}

static void test_longer_by_a_byte(void **data) {
    Fixture *fixture = *data;
    uint8_t *longer = calloc(1, fixture->size + 1);
    memcpy(longer, fixture->bytes, fixture->size);
    expect_damaged(longer, fixture->size + 1);
    free(longer);
}

static void sign(uint8_t *bytes, size_t length) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, length));
    memcpy(bytes + length, canonical.digest, 16);
}

/* Damage under a valid checksum: every 8-byte window replaced by extreme lengths must be survived, and what is accepted
 * must be an object that encodes again. */
static void test_lengths_are_not_trusted(void **data) {
    Fixture             *fixture = *data;
    static const int64_t EXTREME[] = {-1, INT64_MAX, INT64_MIN, 1 << 30, INT64_C(1) << 33, 257};
    uint8_t             *bytes = malloc(fixture->size);
    int                  refused = 0;
    for (size_t at = 8; at + 8 <= fixture->size - 16; at++)
        for (size_t e = 0; e < sizeof EXTREME / sizeof *EXTREME; e++) {
            memcpy(bytes, fixture->bytes, fixture->size);
            memcpy(bytes + at, &EXTREME[e], 8);
            sign(bytes, fixture->size - 16);
            Ctx         ctx;
            CodeObject *object = NULL;
            ctx_init(&ctx);
            const Status status = code_object_decode(&ctx, bytes, fixture->size, &object);
            assert_true(status == ST_OK || status == ST_INTEGRITY);
            refused += status != ST_OK;
            code_object_free(object);
            ctx_free(&ctx);
        }
    assert_true(refused > 1000);
    free(bytes);
}

static void test_images_begin_inside(void **data) {
    Fixture        *fixture = *data;
    CodePhase      *phase = &fixture->object->phases[1];
    const int64_t   code_at[] = {776, 777, -16, 0, 0}, ptx_at[] = {13, 0, 0, 14, -1};
    const CodePhase whole = *phase;
    for (int i = 0; i < 5; i++) {
        uint8_t    *bytes;
        size_t      size;
        CodeObject *object = NULL;
        Ctx         ctx;
        ctx_init(&ctx);
        phase->code_at = code_at[i];
        phase->ptx_at = ptx_at[i];
        assert_int_equal(code_object_encode(&ctx, fixture->object, &bytes, &size), ST_OK);
        assert_int_equal(code_object_decode(&ctx, bytes, size, &object), i == 0 ? ST_OK : ST_INTEGRITY);
        code_object_free(object);
        free(bytes);
        ctx_free(&ctx);
    }
    *phase = whole;
}

static void test_truncated_under_a_valid_checksum(void **data) {
    Fixture *fixture = *data;
    uint8_t *bytes = malloc(fixture->size);
    for (size_t length = 8; length < fixture->size - 16; length++) {
        memcpy(bytes, fixture->bytes, length);
        sign(bytes, length);
        expect_damaged(bytes, length + 16);
    }
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal_objects_give_equal_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_images_begin_inside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_bit_flipped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_longer_by_a_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lengths_are_not_trusted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated_under_a_valid_checksum, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
