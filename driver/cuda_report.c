/* Times on a GPU as JSON and as text: see cuda_report.h. */
#include "driver/cuda_report.h"

#include <stdio.h>
#include <string.h>

/* "rattan_NAME_forward_main" to "forward_main". */
static const char *phase_name(const CodeObject *object, int phase) {
    static const char PREFIX[] = "rattan_";
    const char       *symbol = object->phases[phase].symbol, *name = symbol + sizeof PREFIX - 1;
    const size_t      length = strlen(object->name);
    const bool usual = strncmp(symbol, PREFIX, sizeof PREFIX - 1) == 0 && strncmp(name, object->name, length) == 0;
    return usual && name[length] == '_' ? name + length + 1 : symbol;
}

static json_t *phases_json(const CudaTimes *times, const CudaExecutable *executable) {
    const CodeObject *object = cuda_executable_object(executable);
    json_t           *list = json_array();
    for (int p = 0; p < object->phase_count; p++)
        json_array_append_new(list, json_pack("{s:s, s:f, s:i, s:i, s:I}", "phase", phase_name(object, p), "ms",
                                              1e3 * times->phases[p], "threads", object->phases[p].threads, "registers",
                                              cuda_executable_phase(executable, p).registers, "shared_bytes",
                                              (json_int_t)object->phases[p].shared_bytes));
    return list;
}

void cuda_report_json(json_t *json, const CudaTimes *times, const BenchCase *test, const CudaExecutable *executable) {
    const CudaDevice *device = cuda_executable_device(executable);
    const double      seconds = bench_median(times->seconds, times->reps), rate = test->useful_flops / seconds;
    json_object_update_new(
        json, json_pack("{s:s, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "device", device->facts.name, "driver",
                        device->facts.driver_version, "ms_median", 1e3 * seconds, "ms_min", 1e3 * times->seconds[0],
                        "ms_max", 1e3 * times->seconds[times->reps - 1], "ms_graph", 1e3 * times->graph, "us_host",
                        1e6 * times->host_time, "ms_first_call", 1e3 * times->first_call, "flops_per_second", rate));
    json_object_update_new(json, json_pack("{s:f, s:f, s:f, s:f, s:i, s:I}", "useful_flops", test->useful_flops,
                                           "bytes", test->bytes, "copy_bandwidth", times->copy,
                                           "share_of_copy_bandwidth", test->bytes / seconds / times->copy,
                                           "buffer_sets", times->sets, "work_bytes", (json_int_t)times->work_bytes));
    json_object_set_new(json, "matmul_peak", times->product > 0 ? json_real(times->product) : json_null());
    json_object_set_new(json, "share_of_matmul_peak",
                        times->product > 0 ? json_real(rate / times->product) : json_null());
    json_object_set_new(json, "phases", phases_json(times, executable));
}

static double get(const json_t *json, const char *key) { return json_number_value(json_object_get(json, key)); }

void cuda_report_print(const json_t *json) {
    printf("  time       %.4f ms median, %.4f to %.4f ms in %lld runs; %.4f ms in a graph; %.1f us of the caller's\n",
           get(json, "ms_median"), get(json, "ms_min"), get(json, "ms_max"), (long long)get(json, "reps"),
           get(json, "ms_graph"), get(json, "us_host"));
    if (json_is_real(json_object_get(json, "matmul_peak")))
        printf("  compute    %.1f useful TFLOP/s, %.0f %% of the %.0f that cuBLAS' bf16 product reached\n",
               1e-12 * get(json, "flops_per_second"), 100 * get(json, "share_of_matmul_peak"),
               1e-12 * get(json, "matmul_peak"));
    else
        printf("  compute    %.1f useful TFLOP/s; there is no cuBLAS to compare with\n",
               1e-12 * get(json, "flops_per_second"));
    printf("  memory     %.0f GB/s needed, %.0f %% of the %.0f that a copy reached; %.1f MB of working memory\n",
           1e-6 * get(json, "bytes") / get(json, "ms_median"), 100 * get(json, "share_of_copy_bandwidth"),
           1e-9 * get(json, "copy_bandwidth"), 1e-6 * get(json, "work_bytes"));
    printf("  phases     ");
    size_t  p;
    json_t *phase;
    json_array_foreach(json_object_get(json, "phases"), p, phase)
        printf("%s%s %.4f ms", p ? ", " : "", json_string_value(json_object_get(phase, "phase")), get(phase, "ms"));
    puts("");
}
