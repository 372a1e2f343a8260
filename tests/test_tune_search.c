/* link: rattan_driver */
/* The search on objectives that are functions of the schedule: what it finds, that it heeds verdicts, noise, stops, shards
 * and what it already knows. */
#include "driver/tune_search.h"
#include "driver/targets.h"
#include "frontend/frontend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

typedef struct Fake {
    double (*cost)(const Schedule *schedule); /* 0: the schedule is wrong */
    double   noise, disturbed; /* disturbed: the share of runs that take twice as long */
    uint64_t random;
    int      budget; /* samples until it says stop */
    int      samples, announced, dismissed;
    bool     ahead;
    int      begun; /* announced when the first sample is taken */
    TuneTrial *base;
} Fake;

static Ctx         ctx;
static Spec        spec;
static Target      target;
static SearchSpace space;

static double uniform(Fake *fake) {
    fake->random = fake->random * 6364136223846793005u + 1442695040888963407u;
    return (double)(fake->random >> 11) * 0x1p-53;
}

static void announce(void *arg, TuneTrial *trial) {
    Fake *fake = arg;
    trial->of_objective = fake; /* it is ready */
    fake->announced++;
}

static double sample(Fake *fake, const Schedule *schedule) {
    const double spike = uniform(fake) < 0.05 ? 3 : 1, mode = fake->disturbed && uniform(fake) < fake->disturbed ? 2 : 1;
    return fake->cost(schedule) * (1 + fake->noise * (uniform(fake) - 0.5)) * spike * mode;
}

static bool stop(void *arg) { return ((Fake *)arg)->samples >= ((Fake *)arg)->budget; }

static void measure(void *arg, TuneTrial **trials, int count, int rounds) {
    Fake *fake = arg;
    if (!fake->samples)
        fake->begun = fake->announced;
    for (int t = 0; t < count; t++)
        if (!trials[t]->count && !trials[t]->known)
            assert_ptr_equal(trials[t]->of_objective, fake); /* nothing that is new was let go before its turn */
    for (int r = 0; r < rounds && !stop(fake); r++) {
        const double base = sample(fake, &space.base);
        trial_add(fake->base, base, base);
        for (int t = 0; t < count; t++) {
            if (fake->cost(&trials[t]->schedule) == 0)
                trials[t]->verdict = VERDICT_WRONG;
            if (trials[t]->verdict != VERDICT_RIGHT)
                continue;
            fake->samples++;
            trial_add(trials[t], sample(fake, &trials[t]->schedule), base);
        }
    }
}

static void dismiss(void *arg, TuneTrial *trial) {
    assert_false(trial->ahead);
    trial->of_objective = NULL;
    ((Fake *)arg)->dismissed++;
}

/* Some knobs help, together more; one is a trap. */
static double valley(const Schedule *s) {
    return 1 + 0.1 * fabs(log2(s->chunk / 32.0)) + 0.1 * fabs(log2(s->key_tile / 128.0)) + 0.05 * (s->unroll != 2) +
           0.08 * s->ring;
}

static double valley_with_traps(const Schedule *s) { return s->tile_vectors == 2 || s->group_heads == 1 ? 0 : valley(s); }
static double flat(const Schedule *s) { return s->chunk > 0; }

static void search_with(Fake *fake, TuneSearch *search) {
    static TuneObjective  objective;
    static const Workload work = {1, 4096};
    objective = (TuneObjective){fake, announce, measure, dismiss, stop, fake->ahead};
    search->space = &space;
    search->work = &work;
    search->objective = &objective;
    if (!search->seed)
        search->seed = 1;
    if (!search->count)
        tune_search_open(&ctx, search);
    fake->base = search->trials[0];
    trial_add(fake->base, fake->cost(&space.base), fake->cost(&space.base));
}

static double found(const TuneSearch *search) { return valley(&search->leader->schedule) / valley(&space.base); }

static void test_finds_the_valley(void **state) {
    Fake       fake = {.cost = valley, .budget = 1500};
    TuneSearch search = {0};
    (void)state;
    search_with(&fake, &search);
    tune_search_begin(&ctx, &search, NULL, 0);
    tune_search_run(&ctx, &search);
    assert_true(valley(&search.leader->schedule) < 1.001);
    assert_true(fake.announced > 8 && fake.dismissed > 8);
}

/* While one generation is measured the next is there already, and it gets as far. */
static void test_builds_a_generation_ahead(void **state) {
    Fake       fake = {.cost = valley, .budget = 1500, .ahead = true};
    TuneSearch search = {0};
    (void)state;
    search_with(&fake, &search);
    tune_search_begin(&ctx, &search, NULL, 0);
    assert_int_equal(fake.announced, 1 + TUNE_GENERATION);
    tune_search_run(&ctx, &search);
    assert_int_equal(fake.begun, 1 + 2 * TUNE_GENERATION);
    assert_true(valley(&search.leader->schedule) < 1.001);
}

/* Mostly all the way, and far each time. */
static void test_finds_it_under_noise(void **state) {
    int all_the_way = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        Fake       fake = {.cost = valley, .budget = 2000, .noise = 0.1, .random = seed};
        TuneSearch search = {.seed = seed};
        search_with(&fake, &search);
        tune_search_begin(&ctx, &search, NULL, 0);
        tune_search_run(&ctx, &search);
        all_the_way += found(&search) < 1.06 / valley(&space.base);
        assert_true(found(&search) < 1.2 / valley(&space.base));
    }
    assert_true(all_the_way >= 8);
}

static void test_failures_never_lead(void **state) {
    Fake       fake = {.cost = valley_with_traps, .budget = 1500};
    TuneSearch search = {0};
    int        failures = 0;
    (void)state;
    search_with(&fake, &search);
    tune_search_begin(&ctx, &search, NULL, 0);
    tune_search_run(&ctx, &search);
    for (int t = 0; t < search.count; t++)
        failures += search.trials[t]->verdict != VERDICT_RIGHT;
    assert_true(failures > 0);
    assert_int_equal(search.leader->verdict, VERDICT_RIGHT);
    assert_true(valley_with_traps(&search.leader->schedule) > 0);
    assert_true(found(&search) < 1);
}

/* Where nothing is to be gained noise must not make a leader. */
static void test_noise_alone_leads_nobody_far(void **state) {
    int changed = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        Fake       fake = {.cost = flat, .budget = 600, .noise = 0.1, .random = seed};
        TuneSearch search = {.seed = seed};
        search_with(&fake, &search);
        tune_search_begin(&ctx, &search, NULL, 0);
        tune_search_run(&ctx, &search);
        changed += search.leader != search.trials[0];
        assert_true(search.leader->summary.ratio > 0.95);
    }
    assert_true(changed <= 5);
}

/* Two threads on two cores, or on one: every run takes its time or twice as long, by chance. Whoever was lucky a few times must
 * not win by it, and what the database would pick is what its bound says it is at worst. */
static void test_luck_wins_nothing(void **state) {
    static const double SHARES[] = {0.5, 0.8, 0.9, 0.95};
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        Fake       fake = {.cost = flat, .budget = 1500, .noise = 0.02, .random = seed, .disturbed = SHARES[seed % 4]};
        TuneSearch search = {.seed = seed};
        search_with(&fake, &search);
        tune_search_begin(&ctx, &search, NULL, 0);
        tune_search_run(&ctx, &search);
        for (int t = 0; t < search.count; t++)
            assert_true(trial_bound(search.trials[t]) > 0.97);
    }
}

/* What is better is found all the same. */
static void test_finds_it_in_spite_of_luck(void **state) {
    int far = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        Fake       fake = {.cost = valley, .budget = 3000, .noise = 0.02, .random = seed, .disturbed = 0.5};
        TuneSearch search = {.seed = seed};
        search_with(&fake, &search);
        tune_search_begin(&ctx, &search, NULL, 0);
        tune_search_run(&ctx, &search);
        far += found(&search) < 1.1 / valley(&space.base);
        assert_true(found(&search) < 1.25 / valley(&space.base));
    }
    assert_true(far >= 8);
}

static void know(TuneSearch *search, const Schedule *schedule, const TuningRecord *summary) {
    TuningRecord record = *summary;
    record.schedule = schedule_text(&ctx, schedule);
    tune_search_know(&ctx, search, &record);
}

/* A default that hung once, on a machine out of memory, say, ends no later search. */
static void test_a_default_that_failed_is_tried_again(void **state) {
    (void)state;
    Fake               fake = {.cost = valley, .budget = 400};
    TuneSearch         search = {0};
    const TuningRecord hung = {.verdict = VERDICT_HUNG, .note = "no reply"};
    search_with(&fake, &search);
    know(&search, &space.base, &hung);
    assert_int_equal(search.trials[0]->verdict, VERDICT_RIGHT);
    tune_search_begin(&ctx, &search, NULL, 0);
    tune_search_run(&ctx, &search);
    assert_true(search.trials[0]->summary.samples > 0);
}

/* An earlier run's win that fresh rounds do not bear out: the record gives way to one with more samples, which a database
 * prefers. One that they do bear out stays as it is. */
static void test_a_resumed_leader_is_timed_again(void **state) {
    (void)state;
    for (int lucky = 0; lucky < 2; lucky++) {
        Fake       fake = {.cost = lucky ? flat : valley, .budget = 400, .noise = 0.02};
        TuneSearch search = {0};
        Schedule   schedule = space.base;
        schedule.chunk = 32;
        const TuningRecord said = {.samples = 99, .spread = 0.017,
                                   .ratio = lucky ? 0.535 : valley(&schedule) / valley(&space.base)};
        search_with(&fake, &search);
        know(&search, &schedule, &said);
        const TuneTrial *known = search.leader;
        assert_memory_equal(&known->schedule, &schedule, sizeof schedule);
        tune_search_begin(&ctx, &search, NULL, 0);
        tune_search_run(&ctx, &search);
        assert_true(known->known == !lucky);
        if (lucky) {
            assert_true(trial_bound(known) > 0.97 && known->summary.samples > said.samples);
            assert_true(trial_bound(search.leader) > 0.97);
        } else {
            assert_true(known->summary.ratio == said.ratio && known->summary.samples == said.samples);
        }
    }
}

/* A record says that it is another's; own samples are its own. */
static void test_twins_say_so(void **state) {
    TuneTrial trial = {.verdict = VERDICT_RIGHT}, twin = trial;
    (void)state;
    trial_add(&trial, 1, 1);
    trial_follow(&twin, &trial);
    assert_true(tuning_is_twin(&twin.summary));
    assert_false(tuning_is_twin(&trial.summary));
    trial_add(&twin, 1, 1);
    assert_false(tuning_is_twin(&twin.summary));
}

static void test_stops_when_told(void **state) {
    Fake       fake = {.cost = valley, .budget = 20};
    TuneSearch search = {0};
    (void)state;
    search_with(&fake, &search);
    tune_search_begin(&ctx, &search, NULL, 0);
    tune_search_run(&ctx, &search);
    assert_in_range(fake.samples, 20, 24);
}

/* What an earlier run measured is not measured again in the first rounds, and leads at once. */
static void test_resumes(void **state) {
    Fake       first = {.cost = valley, .budget = 300}, second = {.cost = valley, .budget = 0};
    TuneSearch before = {0}, after = {0};
    (void)state;
    search_with(&first, &before);
    tune_search_begin(&ctx, &before, NULL, 0);
    tune_search_run(&ctx, &before);
    search_with(&second, &after);
    for (int t = 1; t < before.count; t++)
        know(&after, &before.trials[t]->schedule, &before.trials[t]->summary);
    assert_memory_equal(&after.leader->point, &before.leader->point, sizeof after.leader->point);
    const int known = after.count;
    second.budget = 60;
    tune_search_begin(&ctx, &after, NULL, 0);
    tune_search_run(&ctx, &after);
    for (int t = 1; t < known; t++) /* only what leads, or might, is timed again */
        assert_true(after.trials[t]->known || after.trials[t]->summary.ratio < 1.01 * after.leader->summary.ratio);
    assert_true(after.count > known);
}

static void test_seeds_come_first(void **state) {
    Fake       fake = {.cost = valley, .budget = 60};
    TuneSearch search = {0};
    Schedule   seed = space.base;
    (void)state;
    seed.chunk = 32;
    seed.key_tile = 128;
    seed.unroll = 2;
    seed.ring = 0;
    search_with(&fake, &search);
    tune_search_begin(&ctx, &search, &seed, 1);
    tune_search_run(&ctx, &search);
    assert_memory_equal(&search.leader->schedule, &seed, sizeof seed);
}

/* Shards share nothing and leave nothing out. */
static void test_shards(void **state) {
    enum { SHARDS = 3 };
    TuneSearch searches[SHARDS] = {{0}};
    (void)state;
    for (int s = 0; s < SHARDS; s++) {
        Fake fake = {.cost = flat, .budget = 400};
        searches[s].shard = s;
        searches[s].shards = SHARDS;
        search_with(&fake, &searches[s]);
        tune_search_begin(&ctx, &searches[s], NULL, 0);
        tune_search_run(&ctx, &searches[s]);
        assert_true(searches[s].count > 20);
    }
    for (int s = 1; s < SHARDS; s++)
        for (int t = 1; t < searches[s].count; t++)
            for (int u = 1; u < searches[0].count; u++)
                assert_memory_not_equal(&searches[s].trials[t]->point, &searches[0].trials[u]->point, sizeof(SpacePoint));
}

static int open_space(void **state) {
    static const char TEXT_OF_SPEC[] =
        "return rattention { name = 'a', heads = 8, kv_heads = 2, head_dim = 64, window = 256 }";
    SpecFile          file;
    (void)state;
    ctx_init(&ctx);
    assert_int_equal(spec_load_text(&ctx, "spec", TEXT_OF_SPEC, strlen(TEXT_OF_SPEC), &file), ST_OK);
    assert_int_equal(target_find(&ctx, "x86-64-v3", &target), ST_OK);
    spec = file.items[0].spec;
    space_open(&space, &spec, KIND_FORWARD, &target, NULL);
    return 0;
}

static int close_space(void **state) {
    (void)state;
    ctx_free(&ctx);
    return 0;
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_space, close_space)
    const struct CMUnitTest tests[] = {
        TEST(test_finds_the_valley),
        TEST(test_twins_say_so),
        TEST(test_builds_a_generation_ahead),
        TEST(test_finds_it_under_noise),
        TEST(test_failures_never_lead),
        TEST(test_noise_alone_leads_nobody_far),
        TEST(test_luck_wins_nothing),
        TEST(test_finds_it_in_spite_of_luck),
        TEST(test_a_resumed_leader_is_timed_again),
        TEST(test_a_default_that_failed_is_tried_again),
        TEST(test_stops_when_told),
        TEST(test_resumes),
        TEST(test_seeds_come_first),
        TEST(test_shards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
