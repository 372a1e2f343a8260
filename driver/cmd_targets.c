/* rattan targets: the machines that kernels can be compiled for, with the facts that passes use. "cuda" stands for the
 * first device of this machine and is no row of its own. */
#include "driver/cli.h"
#include "driver/targets.h"

#include <jansson.h>

static json_t *target_json(int index, const Target *target) {
    if (target_is_cuda(target))
        return json_pack("{s:s, s:s, s:s, s:i, s:I, s:i, s:i, s:b}", "name", target_name(index), "help",
                         target_help(index), "cpu", target->cpu, "warp_size", target->warp_size, "shared_bytes",
                         (json_int_t)target->shared_bytes, "registers", target->registers, "processors",
                         target->processors, "native", target->native);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:b}", "name", target_name(index), "help",
                     target_help(index), "triple", target->triple, "cpu", target->cpu, "vector_bytes",
                     target->vector_bytes, "vector_registers", target->vector_registers, "l1_bytes",
                     (json_int_t)target->l1_bytes, "l2_bytes", (json_int_t)target->l2_bytes, "native", target->native);
}

Status cmd_targets(Ctx *ctx, const Cli *cli) {
    json_t *list = cli_has(cli, OPTION_JSON) ? json_array() : NULL;
    TRY(cli_no_operands(ctx, cli));
    for (int i = 0; target_name(i); i++) {
        Target target;
        TRY(target_find(ctx, target_name(i), &target));
        if (list)
            json_array_append_new(list, target_json(i, &target));
        else if (target_is_cuda(&target))
            printf("%-14s %-40s %s, %lld KiB of shared memory a block\n", target_name(i), target_help(i), target.cpu,
                   (long long)target.shared_bytes / 1024);
        else
            printf("%-14s %-40s %s, %d-byte vectors%s\n", target_name(i), target_help(i), target.cpu,
                   target.vector_bytes, target.native ? ", runs here" : "");
    }
    if (list) {
        json_dumpf(list, stdout, JSON_INDENT(2));
        puts("");
        json_decref(list);
    }
    return ST_OK;
}
