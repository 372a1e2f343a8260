/* link: rattan_driver */
/* Which buckets a tuner searches where there are more than it has time for. */
#include "driver/tune_plan.h"
#include "driver/tuning_pick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static Ctx ctx;

static TunePlan *new_plan(const char *shapes, double rate) {
    TunePlan    *plan = NEW(&ctx, TunePlan);
    TuneBuckets *buckets = NEW(&ctx, TuneBuckets);
    assert_int_equal(tune_shapes_parse(&ctx, shapes, KIND_FORWARD, buckets), ST_OK);
    *plan = (TunePlan){.count = buckets->count, .least = 10, .rate = rate};
    for (int i = 0; i < plan->count; i++)
        plan->items[i] = (TunePlanned){.bucket = buckets->items[i],
                                       .work = (double)buckets->items[i].N * (double)buckets->items[i].T};
    return plan;
}

static TunePlanned *search_next(TunePlan *plan, double *seconds) {
    TunePlanned *next = tune_plan_next(plan, *seconds);
    if (next) {
        assert_false(next->searched);
        next->searched = true;
        *seconds -= tune_plan_need(plan, next);
    }
    return next;
}

/* How many have no searched one within so many steps. */
static int alone(const TunePlan *plan, int steps) {
    int count = 0;
    for (int i = 0; i < plan->count; i++) {
        bool found = false;
        for (int j = 0; j < plan->count; j++)
            found = found || (plan->items[j].searched &&
                              tuning_bucket_distance(plan->items[i].bucket, plan->items[j].bucket) <= steps);
        count += !found;
    }
    return count;
}

/* 35 buckets: a few stand for all, then more of them closer, in the end each for itself. */
static void test_few_stand_for_all(void **state) {
    static const int ENOUGH[] = {[3] = 4, [2] = 7, [1] = 14, [0] = 35};
    TunePlan        *plan = new_plan("B=1..16,T=1024..65536", 0);
    double           seconds = 1e9;
    (void)state;
    int searched = 0;
    for (int steps = TUNING_FARTHEST; steps >= 0; steps--) {
        while (alone(plan, steps) && search_next(plan, &seconds))
            searched++;
        assert_int_equal(alone(plan, steps), 0);
        assert_in_range(searched, 1, ENOUGH[steps]);
    }
    assert_null(tune_plan_next(plan, seconds));
}

/* On a GPU a schedule serves as many sequences alone: the first ones are of each number, in the middle of the lengths. */
static void test_sequences_stand_apart(void **state) {
    TunePlan *plan = new_plan("B=1..16,T=1024..65536", 0);
    double    seconds = 1e9;
    int64_t   seen = 0;
    (void)state;
    plan->apart = true;
    for (int n = 0; n < 5; n++) {
        const TuningBucket bucket = search_next(plan, &seconds)->bucket;
        assert_int_equal(bucket.T, 8192);
        assert_false(seen & bucket.N);
        seen |= bucket.N;
    }
    assert_non_null(strstr(tune_plan_leaves(&ctx, plan), "kernels of 30 take"));
}

/* What takes longer than is left is left to its neighbours; what it stands for is weighed against its time. */
static void test_keeps_to_the_time(void **state) {
    TunePlan *plan = new_plan("B=1..16,T=1024..65536", 1e-5); /* 11 s to 1268 s */
    double    seconds = 120;
    int       searched = 0;
    (void)state;
    while (search_next(plan, &seconds)) {
        searched++;
        assert_true(seconds >= 0);
    }
    assert_in_range(searched, 4, 9);
    assert_true(seconds < 12);
    assert_true(alone(plan, TUNING_FARTHEST) < 12);
    assert_false(plan->items[plan->count - 1].searched);
}

static void test_one_is_searched_whatever_it_needs(void **state) {
    TunePlan    *plan = new_plan("B=1..2,T=1024..2048", 1);
    TunePlanned *first = tune_plan_next(plan, 2);
    (void)state;
    assert_non_null(first);
    assert_true(first->bucket.N == 1 && first->bucket.T == 1024);
    assert_true(tune_plan_share(plan, first, 2) == 2);
    first->searched = true;
    assert_null(tune_plan_next(plan, 2));
    assert_null(tune_plan_next(new_plan("B=1", 0), 0));
}

/* A second run goes on where the first ended. */
static void test_known_ones_come_last(void **state) {
    TunePlan *plan = new_plan("B=1..2,T=1024..65536", 0);
    double    seconds = 1e9;
    (void)state;
    for (int i = 0; i < plan->count; i += 2)
        plan->items[i].known = true;
    for (int i = 0; i < plan->count; i++)
        assert_int_equal(search_next(plan, &seconds)->known, i >= plan->count / 2);
    assert_null(search_next(plan, &seconds));
}

static void test_shares(void **state) {
    TunePlan *plan = new_plan("B=1,T=1024..8192", 0); /* four alike */
    (void)state;
    assert_true(tune_plan_share(plan, &plan->items[0], 400) == 100); /* all are searched, for longer */
    assert_true(tune_plan_share(plan, &plan->items[0], 20) == 10);   /* two are */
    plan->items[1].searched = plan->items[2].searched = true;
    assert_true(tune_plan_share(plan, &plan->items[0], 400) == 200);
}

static void test_what_is_said(void **state) {
    TunePlan *plan = new_plan("B=1..16,T=1024..65536", 0);
    (void)state;
    assert_null(tune_plan_lacks(&ctx, plan, 350));
    assert_null(tune_plan_lacks(&ctx, new_plan("B=1", 0), 2));
    const char *lacks = tune_plan_lacks(&ctx, plan, 35);
    assert_non_null(strstr(lacks, "35 s are enough for about 3 of 35: N="));
    assert_non_null(strstr(lacks, "10 times the --budget"));
    TunePlanned *middle = tune_plan_next(plan, 10);
    middle->searched = true;
    assert_non_null(strstr(tune_plan_leaves(&ctx, plan), "34 of 35"));
    const int near = plan->count - 1 - alone(plan, TUNING_FARTHEST);
    assert_non_null(strstr(tune_plan_leaves(&ctx, plan), ctx_printf(&ctx, "kernels of %d take", near)));
    middle->in_vain = true;
    assert_non_null(strstr(tune_plan_leaves(&ctx, plan), "35 of 35 shapes: kernels of 0 take"));
    for (int i = 0; i < plan->count; i++)
        plan->items[i].known = true;
    assert_null(tune_plan_leaves(&ctx, plan));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_stand_for_all),    cmocka_unit_test(test_keeps_to_the_time),
        cmocka_unit_test(test_one_is_searched_whatever_it_needs), cmocka_unit_test(test_known_ones_come_last),
        cmocka_unit_test(test_shares),               cmocka_unit_test(test_what_is_said),
        cmocka_unit_test(test_sequences_stand_apart),
    };
    ctx_init(&ctx);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ctx_free(&ctx);
    return failed;
}
