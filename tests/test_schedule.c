/* link: rattan_ir rattan_base */
/* The text form of schedules: every field round trips, and what is wrong is refused without changing anything. */
#include "tests/ir_testing.h"

#include "ir/schedule.h"

static const Schedule DEFAULTS = {
#define FIELD(name, fallback, min, max, help) .name = fallback,
#include "ir/schedule.def"
#undef FIELD
};

static Schedule random_schedule(void) {
    return (Schedule){
#define FIELD(name, fallback, min, max, help) .name = (int)random_between(min, max),
#include "ir/schedule.def"
#undef FIELD
    };
}

static void test_round_trip(void **state) {
    (void)state;
    for (int trial = 0; trial < 50; trial++) {
        Ctx            ctx;
        const Schedule schedule = random_schedule();
        Schedule       again = DEFAULTS;
        ctx_init(&ctx);
        assert_int_equal(schedule_parse(&ctx, schedule_text(&ctx, &schedule), &again), ST_OK);
        assert_memory_equal(&again, &schedule, sizeof again);
        ctx_free(&ctx);
    }
}

static void test_limits_are_accepted_and_no_more(void **state) {
    (void)state;
    Ctx ctx;
    ctx_init(&ctx);
#define FIELD(name, fallback, min, max, help)                                                                          \
    {                                                                                                                  \
        Schedule schedule = DEFAULTS;                                                                                  \
        assert_int_equal(schedule_parse(&ctx, ctx_printf(&ctx, #name "=%d", min), &schedule), ST_OK);                  \
        assert_int_equal(schedule.name, min);                                                                          \
        assert_int_equal(schedule_parse(&ctx, ctx_printf(&ctx, #name "=%d", max), &schedule), ST_OK);                  \
        assert_int_equal(schedule.name, max);                                                                          \
        assert_int_equal(schedule_parse(&ctx, ctx_printf(&ctx, #name "=%d", (min) - 1), &schedule), ST_USAGE);         \
        assert_int_equal(schedule_parse(&ctx, ctx_printf(&ctx, #name "=%lld", (max) + 1LL), &schedule), ST_USAGE);     \
        assert_int_equal(schedule.name, max);                                                                          \
    }
#include "ir/schedule.def"
#undef FIELD
    ctx_free(&ctx);
}

static void test_subsets_keep_the_rest(void **state) {
    (void)state;
    Ctx            ctx;
    const Schedule before = random_schedule();
    Schedule       schedule = before;
    ctx_init(&ctx);
    assert_int_equal(schedule_parse(&ctx, "  unroll=3\n\tchunk=48 ", &schedule), ST_OK);
    assert_int_equal(schedule.unroll, 3);
    assert_int_equal(schedule.chunk, 48);
    schedule.unroll = before.unroll;
    schedule.chunk = before.chunk;
    assert_memory_equal(&schedule, &before, sizeof before);
    assert_int_equal(schedule_parse(&ctx, "", &schedule), ST_OK);
    ctx_free(&ctx);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text, *wanted;
    } CASES[] = {
        {"chunk=64 chunc=2", "schedule: no field \"chunc\" (did you mean chunk? fields are chunk, key_tile,"},
        {"chunk=64 chunk=64", "schedule: chunk is given twice"},
        {"chunk=64 key_tile", "schedule: key_tile has no value (write name=value)"},
        {"chunk=64 key_tile=", "schedule: key_tile is not a number"},
        {"chunk=64 key_tile= 5", "schedule: key_tile is not a number"},
        {"chunk=64 key_tile=5x", "schedule: key_tile is not a number"},
        {"chunk=64 key_tile=5.5", "schedule: key_tile is not a number"},
        {"chunk=64 key_tile=0", "schedule: key_tile=0 is out of range (key_tile is 1 to 65536)"},
        {"chunk=64 key_tile=99999999999999999999999", "out of range"},
        {"chunk=64 =5", "schedule: no field \"\""},
        {"chunk=64 key_tile=5,unroll=2", "schedule: key_tile is not a number"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Ctx            ctx;
        const Schedule before = random_schedule();
        Schedule       schedule = before;
        ctx_init(&ctx);
        assert_int_equal(schedule_parse(&ctx, CASES[i].text, &schedule), ST_USAGE);
        if (!strstr(described(&ctx), CASES[i].wanted))
            fail_msg("\"%s\" is not in: %s", CASES[i].wanted, described(&ctx));
        assert_memory_equal(&schedule, &before, sizeof before);
        ctx_free(&ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_limits_are_accepted_and_no_more),
        cmocka_unit_test(test_subsets_keep_the_rest),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
