/* Which buckets are searched: see tune_plan.h. */
#include "driver/tune_plan.h"

#include "base/text.h"
#include "driver/tuning_pick.h"

#include <math.h>

/* Runs of a generation of candidates, in all its rounds; buckets that a line names. */
enum { RUNS = 120, NAMED = 6 };

double tune_plan_need(const TunePlan *plan, const TunePlanned *item) {
    return plan->least + RUNS * plan->rate * item->work;
}

static bool near(const TunePlan *plan, const TunePlanned *a, const TunePlanned *b, int steps) {
    return tuning_bucket_distance(a->bucket, b->bucket) <= steps && (!plan->apart || a->bucket.N == b->bucket.N);
}

static bool stood_for(const TunePlan *plan, const TunePlanned *item, int steps) {
    for (int i = 0; i < plan->count; i++)
        if (((plan->items[i].searched && !plan->items[i].in_vain) || plan->items[i].known) &&
            near(plan, &plan->items[i], item, steps))
            return true;
    return false;
}

/* Marks those that nobody stands for within so many steps; false: there is none. */
static bool find_open(const TunePlan *plan, int steps, bool *open) {
    bool any = false;
    for (int i = 0; i < plan->count; i++)
        any |= open[i] = !stood_for(plan, &plan->items[i], steps);
    return any;
}

static int count_near(const TunePlan *plan, const TunePlanned *item, int steps, const bool *open) {
    int found = 0;
    for (int i = 0; i < plan->count; i++)
        found += open[i] && near(plan, &plan->items[i], item, steps);
    return found;
}

/* Without steps: all that are left count alike. */
static TunePlanned *best(TunePlan *plan, int steps, const bool *open, double seconds) {
    TunePlanned *found = NULL;
    double       most = 0;
    for (int i = 0; i < plan->count; i++) {
        TunePlanned *item = &plan->items[i];
        const double need = tune_plan_need(plan, item);
        if (item->searched || need > seconds)
            continue;
        const double worth = (steps < 0 ? 1 : count_near(plan, item, steps, open)) / need;
        if (worth > most) {
            most = worth;
            found = item;
        }
    }
    return found;
}

static TunePlanned *cheapest(TunePlan *plan) {
    TunePlanned *found = NULL;
    for (int i = 0; i < plan->count; i++)
        if (!found || plan->items[i].work < found->work)
            found = &plan->items[i];
    return found;
}

static bool begun(const TunePlan *plan) {
    for (int i = 0; i < plan->count; i++)
        if (plan->items[i].searched)
            return true;
    return false;
}

TunePlanned *tune_plan_next(TunePlan *plan, double seconds) {
    bool         open[MOST_BUCKETS] = {false};
    TunePlanned *found = NULL;
    if (seconds <= 0)
        return NULL;
    for (int steps = TUNING_FARTHEST; steps >= 0 && !found; steps--)
        if (find_open(plan, steps, open))
            found = best(plan, steps, open, seconds);
    if (!found)
        found = best(plan, -1, open, seconds);
    return found || begun(plan) ? found : cheapest(plan);
}

double tune_plan_share(const TunePlan *plan, const TunePlanned *item, double seconds) {
    const double need = tune_plan_need(plan, item);
    double       all = need;
    for (int i = 0; i < plan->count; i++) {
        const TunePlanned *other = &plan->items[i];
        if (other != item && !other->searched && all + tune_plan_need(plan, other) <= seconds)
            all += tune_plan_need(plan, other);
    }
    return seconds * need / all;
}

/* ---- What is said of it ---------------------------------------------------------------------------------------------- */
/* The next ones as long as the seconds last; their number, and the first names. */
static int foresee(Ctx *ctx, const TunePlan *plan, double seconds, Text *names) {
    TunePlan *rest = NEW(ctx, TunePlan);
    int       count = 0;
    *rest = *plan;
    for (TunePlanned *next; (next = tune_plan_next(rest, seconds)); count++) {
        next->searched = true;
        seconds -= tune_plan_need(rest, next);
        if (count < NAMED)
            text_add(names, "%s%s", count ? ", " : "", tuning_bucket_text(ctx, next->bucket));
    }
    text_add(names, "%s", count > NAMED ? ", ..." : "");
    return count;
}

const char *tune_plan_lacks(Ctx *ctx, const TunePlan *plan, double seconds) {
    Text   names = TEXT(ctx);
    double all = 0;
    for (int i = 0; i < plan->count; i++)
        all += tune_plan_need(plan, &plan->items[i]);
    if (plan->count < 2 || all <= seconds || seconds <= 0)
        return NULL;
    const int count = foresee(ctx, plan, seconds, &names);
    return ctx_printf(ctx,
                      "a shape needs %.0f s, more where runs are long; %.0f s are enough for about %d of %d: %s; kernels of the "
                      "others take the schedule of the nearest within a factor of eight where its gain should hold, else the "
                      "default; about %.0f times the --budget would be enough for all",
                      plan->least, seconds, count, plan->count, text_str(&names), ceil(all / fmax(seconds, 1)));
}

const char *tune_plan_leaves(Ctx *ctx, const TunePlan *plan) {
    bool open[MOST_BUCKETS] = {false};
    int  left = 0, far = 0;
    find_open(plan, TUNING_FARTHEST, open);
    for (int i = 0; i < plan->count; i++)
        if ((!plan->items[i].searched || plan->items[i].in_vain) && !plan->items[i].known) {
            left++;
            far += open[i];
        }
    return left ? ctx_printf(ctx,
                             "time did not last for %d of %d shapes: kernels of %d take the schedule of one within a factor "
                             "of eight where its gain should hold, those of %d the default",
                             left, plan->count, left - far, far)
                : NULL;
}
