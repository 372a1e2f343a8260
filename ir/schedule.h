/* Schedule: how a kernel is cut up, as plain printable data, apart from what it means. The fields are schedule.def's.
 */
#ifndef RATTAN_IR_SCHEDULE_H
#define RATTAN_IR_SCHEDULE_H

#include "base/spec.h"
#include "base/text.h"
#include "ir/target.h"

typedef struct Schedule {
#define FIELD(name, fallback, min, max, help) int name;
#include "ir/schedule.def"
#undef FIELD
} Schedule;

/* "chunk=64 key_tile=64 ...": every field, in order. Parsing takes any subset in any order and keeps the other fields'
 * values; an unknown name, a value out of range or twice the same name is ST_USAGE and changes nothing. */
void   schedule_print(Text *text, const Schedule *schedule);
Status schedule_parse(Ctx *ctx, const char *text, Schedule *schedule);
const char *schedule_text(Ctx *ctx, const Schedule *schedule); /* as schedule_print has it */

#endif
