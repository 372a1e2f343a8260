/* link: rattan_driver rattan_passes */
/* The schedules that a tuner may try: every point can be compiled, the default is the first, the model orders them. */
#include "driver/targets.h"
#include "frontend/frontend.h"
#include "passes/search_space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static const char *const SPECS[] = {
    "return rattention { name = 'a', heads = 8, kv_heads = 2, head_dim = 128, window = 512, dtype = 'bf16' }",
    "return rattention { name = 'b', heads = 6, kv_heads = 2, head_dim = 24, value_dim = 40, window = 7 }",
    "return rattention { name = 'c', heads = 4, head_dim = 32, window = 64, initial_state = 'input' }",
    "return rattention { name = 'd', heads = 4, head_dim = 32, window = 64, fold = 32 }",
    "return attention { name = 'e', heads = 4, kv_heads = 2, head_dim = 64 }",
};
static const char *const TARGETS[] = {"host", "aarch64", "cuda:sm_80", "cuda:sm_90a"};

static Ctx ctx;

static Spec spec_of(const char *text) {
    SpecFile file;
    assert_int_equal(spec_load_text(&ctx, "spec", text, strlen(text), &file), ST_OK);
    return file.items[0].spec;
}

typedef void SpaceTest(const SearchSpace *space);

static void each_space(SpaceTest *test) {
    for (size_t s = 0; s < sizeof SPECS / sizeof *SPECS; s++)
        for (size_t t = 0; t < sizeof TARGETS / sizeof *TARGETS; t++)
            for (int kind = 0; kind < KIND_COUNT; kind++) {
                Target      target;
                SearchSpace space;
                const Spec  spec = spec_of(SPECS[s]);
                assert_int_equal(target_find(&ctx, TARGETS[t], &target), ST_OK);
                if (spec.full && kind != KIND_FORWARD && kind != KIND_BACKWARD) /* no such kernels */
                    continue;
                space_open(&space, &spec, (KernelKind)kind, &target, NULL);
                test(&space);
            }
}

static void default_is_the_origin(const SearchSpace *space) {
    Schedule         schedule, wanted;
    const SpacePoint origin = {{0}};
    SpacePoint       found;
    schedule_default(space->spec, space->kind, space->target, &wanted);
    assert_memory_equal(&space->base, &wanted, sizeof wanted);
    assert_true(space_point(&ctx, space, &origin, &schedule));
    assert_memory_equal(&schedule, &wanted, sizeof wanted);
    assert_true(space_find(space, &schedule, &found));
    assert_memory_equal(&found, &origin, sizeof found);
}

/* Every change of one knob: refused by schedule_check, or feasible, found again, and of a positive cost. */
static void points_are_feasible(const SearchSpace *space) {
    const Workload work = {2, 3000};
    int            feasible = 0;
    for (int k = 0; k < space->knob_count; k++)
        for (int v = 0; v < space->knobs[k].count; v++) {
            SpacePoint point = {{0}}, found;
            Schedule   schedule;
            point.at[k] = (int8_t)v;
            if (!space_point(&ctx, space, &point, &schedule))
                continue;
            feasible++;
            assert_int_equal(ctx.status, ST_OK);
            assert_int_equal(schedule_check(&ctx, space->spec, space->kind, space->target, &schedule), ST_OK);
            assert_true(space_find(space, &schedule, &found));
            assert_memory_equal(&found, &point, sizeof found);
            assert_true(schedule_cost(space->spec, space->kind, space->target, &work, &schedule) > 0);
        }
    assert_true(feasible > space->knob_count + 2);
}

static void values_are_unlike(const SearchSpace *space) {
    for (int k = 0; k < space->knob_count; k++)
        for (int a = 0; a < space->knobs[k].count; a++)
            for (int b = 0; b < a; b++)
                assert_int_not_equal(space->knobs[k].values[a], space->knobs[k].values[b]);
}

static void test_default(void **state) { (void)state, each_space(default_is_the_origin); }
static void test_points(void **state) { (void)state, each_space(points_are_feasible); }
static void test_values(void **state) { (void)state, each_space(values_are_unlike); }

/* Every field that a pass declares is one; and some pass reads every field but those of code generation and launches. */
static void test_passes_declare_fields(void **state) {
    static const char *const FIELDS[] = {
#define FIELD(name, fallback, min, max, help) #name,
#include "ir/schedule.def"
#undef FIELD
    };
    static const char BEHIND[] = "even_items spread tile_rows tile_vectors unroll turns";
    const PassInfo    behind = {.knobs = BEHIND};
    (void)state;
    for (size_t f = 0; f < sizeof FIELDS / sizeof *FIELDS; f++) {
        bool read = pass_reads(&behind, FIELDS[f]);
        for (int p = 0; pass_info(p); p++)
            read |= pass_reads(pass_info(p), FIELDS[f]);
        if (!read)
            fail_msg("no pass reads %s", FIELDS[f]);
    }
    for (int p = 0; pass_info(p); p++) {
        char *rest = NULL, *words = ctx_strdup(&ctx, pass_info(p)->knobs);
        for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
            bool known = false;
            for (size_t f = 0; f < sizeof FIELDS / sizeof *FIELDS; f++)
                known |= strcmp(FIELDS[f], word) == 0;
            if (!known)
                fail_msg("pass %s declares %s, which is no field", pass_info(p)->name, word);
        }
    }
    assert_true(pass_reads(&(PassInfo){.knobs = "gradient_key_tile key_tile"}, "key_tile"));
    assert_false(pass_reads(&(PassInfo){.knobs = "gradient_key_tile chunk"}, "key_tile"));
}

static void test_foreign_schedules_are_none_of_the_points(void **state) {
    Target      target;
    SearchSpace space;
    SpacePoint  point;
    const Spec  spec = spec_of(SPECS[0]);
    (void)state;
    assert_int_equal(target_find(&ctx, "host", &target), ST_OK);
    space_open(&space, &spec, KIND_FORWARD, &target, NULL);
    Schedule schedule = space.base;
    schedule.chunk = 17;
    assert_false(space_find(&space, &schedule, &point));
    schedule = space.base;
    schedule.warps = 3; /* no knob of a CPU */
    assert_false(space_find(&space, &schedule, &point));
}

static Status check_text(const Spec *spec, KernelKind kind, const char *target_name, const char *text) {
    Target   target;
    Schedule schedule;
    assert_int_equal(target_find(&ctx, target_name, &target), ST_OK);
    schedule_default(spec, kind, &target, &schedule);
    assert_int_equal(schedule_parse(&ctx, text, &schedule), ST_OK);
    const Status status = schedule_check(&ctx, spec, kind, &target, &schedule);
    ctx_clear(&ctx);
    return status;
}

/* Values that no kernel has a use for are refused, not left alone. */
static void test_meaningless_values(void **state) {
    const Spec spec = spec_of(SPECS[0]);
    (void)state;
    assert_int_equal(check_text(&spec, KIND_FORWARD, "cuda:sm_80", ""), ST_OK);
    assert_int_equal(check_text(&spec, KIND_FORWARD, "cuda:sm_80", "chunk=64 group_heads=1 warps=4"), ST_OK);
    assert_int_equal(check_text(&spec, KIND_FORWARD, "cuda:sm_80", "chunk=64 group_heads=1 warps=8"), ST_USAGE);
    assert_int_equal(check_text(&spec, KIND_BACKWARD, "cuda:sm_80", "warps=32"), ST_USAGE);
    assert_int_equal(check_text(&spec, KIND_DECODE, "cuda:sm_80", "warps=8"), ST_OK); /* slabs of scores, not of rows */
    assert_int_equal(check_text(&spec, KIND_FORWARD, "cuda:sm_90a", "beside=2"), ST_USAGE); /* where sequences are cut */
    assert_int_equal(check_text(&spec, KIND_FORWARD, "cuda:sm_90a", "beside=2 segment=0"), ST_OK);
    assert_int_equal(check_text(&spec, KIND_BACKWARD, "cuda:sm_90a", "beside=2 segment=0"), ST_USAGE);
    assert_int_equal(check_text(&spec, KIND_DECODE, "cuda:sm_90a", "beside=2"), ST_USAGE);
    assert_int_equal(check_text(&spec, KIND_EXTEND, "cuda:sm_90a", "beside=2"), ST_OK);
}

/* What is known for sure: tiles of 16 rows read every panel four times as often; half of the processors idle is half the
 * speed. */
static void test_the_model_knows_what_is_sure(void **state) {
    Target      target;
    SearchSpace space;
    const Spec  spec = spec_of(SPECS[0]);
    (void)state;
    assert_int_equal(target_find(&ctx, "host", &target), ST_OK);
    target.processors = 8;
    space_open(&space, &spec, KIND_FORWARD, &target, NULL);
    const Workload one = {1, 65536};
    Schedule       whole = space.base, narrow = space.base;
    whole.segment = 0;
    narrow.chunk = narrow.key_tile = 16;
    const double base = schedule_cost(&spec, KIND_FORWARD, &target, &one, &space.base);
    assert_true(schedule_cost(&spec, KIND_FORWARD, &target, &one, &whole) > 2 * base);
    assert_true(schedule_cost(&spec, KIND_FORWARD, &target, &one, &narrow) > base);
}

static const Knob *knob_of(const SearchSpace *space, const char *name) {
    for (int k = 0; k < space->knob_count; k++)
        if (strcmp(space->knobs[k].name, name) == 0)
            return &space->knobs[k];
    return NULL;
}

/* Gradients on CPUs are cut into segments, which a search turns; those of full attention cannot be. */
static void test_gradients_on_cpus_turn_segments(void **state) {
    static const char *const KNOBS[] = {"segment", "min_items", "even_items"};
    const Spec               layer = spec_of(SPECS[0]), full = spec_of(SPECS[4]);
    Target                   target;
    SearchSpace              space;
    (void)state;
    assert_int_equal(target_find(&ctx, "host", &target), ST_OK);
    target.processors = 8;
    for (size_t k = 0; k < sizeof KNOBS / sizeof *KNOBS; k++) {
        space_open(&space, &layer, KIND_BACKWARD, &target, NULL);
        assert_true(knob_of(&space, KNOBS[k])->count > 1);
        space_open(&space, &full, KIND_BACKWARD, &target, NULL);
        assert_int_equal(knob_of(&space, KNOBS[k])->count, 1);
    }
}

/* Their segments are no shorter than what a row sees, so that lengths below it stand for one another; whole sequences of
 * one head leave processors idle. */
static void test_the_model_knows_how_gradients_are_cut(void **state) {
    const Spec     spec = spec_of("return rattention { name = 'a', heads = 2, kv_heads = 1, head_dim = 64, window = 2000 }");
    const Workload one = {1, 16384};
    Target         target;
    Schedule       base, shorter, longer, whole;
    (void)state;
    assert_int_equal(target_find(&ctx, "host", &target), ST_OK);
    target.processors = 8;
    schedule_default(&spec, KIND_BACKWARD, &target, &base);
    shorter = longer = whole = base;
    shorter.segment = 1024;
    longer.segment = 8192;
    whole.segment = 0;
    assert_true(schedule_cost(&spec, KIND_BACKWARD, &target, &one, &whole) > 2 * schedule_cost(&spec, KIND_BACKWARD, &target, &one, &base));
    assert_true(schedule_cost(&spec, KIND_BACKWARD, &target, &one, &longer) > schedule_cost(&spec, KIND_BACKWARD, &target, &one, &base));
    schedule_effect(&spec, KIND_BACKWARD, &target, &one, &base);
    schedule_effect(&spec, KIND_BACKWARD, &target, &one, &shorter);
    schedule_effect(&spec, KIND_BACKWARD, &target, &one, &longer);
    assert_memory_equal(&base, &shorter, sizeof base);
    assert_memory_not_equal(&base, &longer, sizeof base);
}

/* Of forward on GPUs whose warps have roles: states beside main are a change of two knobs, as sequences are whole then. */
static void test_forward_on_gpus_turns_beside(void **state) {
    static const char ROPED[] = "return rattention { name = 'r', heads = 8, kv_heads = 2, head_dim = 128, window = 512, dtype = 'bf16', "
                                "rope = { theta = 10000 } }";
    const Spec  layer = spec_of(SPECS[0]), roped = spec_of(ROPED);
    Target      target;
    SearchSpace space;
    SpacePoint  point = {{0}};
    Schedule    schedule;
    (void)state;
    assert_int_equal(target_find(&ctx, "cuda:sm_90a", &target), ST_OK);
    space_open(&space, &layer, KIND_FORWARD, &target, NULL);
    const Knob *beside = knob_of(&space, "beside"), *segment = knob_of(&space, "segment");
    assert_true(beside->count > 1 && beside->values[0] == 0 && segment->values[segment->count - 1] == 0);
    point.at[beside - space.knobs] = 1;
    assert_false(space_point(&ctx, &space, &point, &schedule));
    point.at[segment - space.knobs] = (int8_t)(segment->count - 1);
    assert_true(space_point(&ctx, &space, &point, &schedule));
    space_open(&space, &roped, KIND_FORWARD, &target, NULL); /* another kernel's keys: tile by tile */
    assert_int_equal(knob_of(&space, "beside")->count, 1);
    assert_int_equal(target_find(&ctx, "cuda:sm_80", &target), ST_OK);
    space_open(&space, &layer, KIND_FORWARD, &target, NULL);
    assert_int_equal(knob_of(&space, "beside")->count, 1);
}

static int open_ctx(void **state) {
    (void)state;
    ctx_init(&ctx);
    return 0;
}

static int close_ctx(void **state) {
    (void)state;
    ctx_free(&ctx);
    return 0;
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_ctx, close_ctx)
    const struct CMUnitTest tests[] = {
        TEST(test_default),
        TEST(test_points),
        TEST(test_values),
        TEST(test_passes_declare_fields),
        TEST(test_meaningless_values),
        TEST(test_foreign_schedules_are_none_of_the_points),
        TEST(test_the_model_knows_what_is_sure),
        TEST(test_gradients_on_cpus_turn_segments),
        TEST(test_the_model_knows_how_gradients_are_cut),
        TEST(test_forward_on_gpus_turns_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
