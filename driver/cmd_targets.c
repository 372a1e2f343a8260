/* rattan targets: the machines that kernels can be compiled for, with the facts that passes use. */
#include "codegen/llvm/llvm_codegen.h"
#include "driver/cli.h"

#include <jansson.h>

static json_t *target_json(int index, const Target *target) {
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:b}", "name", llvm_target_name(index), "help",
                     llvm_target_help(index), "triple", target->triple, "cpu", target->cpu, "vector_bytes",
                     target->vector_bytes, "vector_registers", target->vector_registers, "l1_bytes",
                     (json_int_t)target->l1_bytes, "l2_bytes", (json_int_t)target->l2_bytes, "native", target->native);
}

Status cmd_targets(Ctx *ctx, const Cli *cli) {
    json_t *list = cli_has(cli, OPTION_JSON) ? json_array() : NULL;
    TRY(cli_no_operands(ctx, cli));
    for (int i = 0; llvm_target_name(i); i++) {
        Target target;
        TRY(llvm_find_target(ctx, llvm_target_name(i), &target));
        if (list)
            json_array_append_new(list, target_json(i, &target));
        else
            printf("%-14s %-40s %s, %d-byte vectors%s\n", llvm_target_name(i), llvm_target_help(i), target.cpu,
                   target.vector_bytes, target.native ? ", runs here" : "");
    }
    if (list) {
        json_dumpf(list, stdout, JSON_INDENT(2));
        puts("");
        json_decref(list);
    }
    return ST_OK;
}
