/* Times on a GPU as JSON and as text: see cuda_report.h. */
#include "driver/cuda_report.h"

#include <stdio.h>

void cuda_report_json(json_t *json, const CudaTimes *times, const BenchCase *test, const CudaDevice *device) {
    const double seconds = bench_median(times->seconds, times->reps), rate = test->useful_flops / seconds;
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
}
