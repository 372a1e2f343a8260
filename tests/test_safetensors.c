/* link: rattan_driver */
/* The safetensors reader against damage of every kind, and the writer's round trip. */
#include "driver/files.h"
#include "driver/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/rattan_safetensors_XXXXXX";
static char path[128];

typedef struct Job {
    const char *header;       /* JSON of a file to write by hand; NULL: read only */
    int         payload;      /* bytes after the header */
    int64_t     header_bytes; /* written as the header's length; -1: the truth */
    SafeFile   *file;
} Job;

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/case.safetensors", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_bytes(const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static Status read_job(Ctx *ctx, void *arg) {
    Job *job = arg;
    return safetensors_read(ctx, path, job->file);
}

static void write_by_hand(const Job *job) {
    char           bytes[4096] = {0};
    const uint64_t length = job->header_bytes < 0 ? strlen(job->header) : (uint64_t)job->header_bytes;
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(length >> (8 * i));
    memcpy(bytes + 8, job->header, strlen(job->header));
    for (int i = 0; i < job->payload; i++)
        bytes[8 + strlen(job->header) + (size_t)i] = (char)(17 * i + 3);
    write_bytes(bytes, 8 + strlen(job->header) + (size_t)job->payload);
}

/* Reads a hand-written file: the status and a part of the message. */
static void expect(const char *header, int payload, int64_t header_bytes, Status status, const char *message) {
    Ctx      ctx;
    SafeFile file;
    Job      job = {header, payload, header_bytes, &file};
    char     line[2048];
    write_by_hand(&job);
    ctx_init(&ctx);
    assert_int_equal(ctx_run(&ctx, read_job, &job), status);
    ctx_describe(&ctx, line, sizeof line);
    if (message && !strstr(line, message))
        fail_msg("'%s' is not in '%s'", message, line);
    if (status != ST_OK)
        assert_true(ctx.place[0] && ctx.remedy[0]);
    ctx_free(&ctx);
}

#define ENTRY(type, shape, from, to)                                                                                   \
    "{\"a\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}}"

static void test_refuses_damage(void **state) {
    (void)state;
    expect(ENTRY("F32", "[2]", "0", "8"), 8, -1, ST_OK, NULL);
    expect(ENTRY("F32", "[2]", "0", "8"), 7, -1, ST_INTEGRITY, "truncated");
    expect(ENTRY("F32", "[2]", "0", "8"), 9, -1, ST_INTEGRITY, "goes on after");
    expect(ENTRY("F32", "[3]", "0", "8"), 8, -1, ST_INTEGRITY, "disagree");
    expect(ENTRY("F32", "[2]", "8", "0"), 8, -1, ST_INTEGRITY, "backwards");
    expect(ENTRY("F32", "[2]", "-8", "0"), 8, -1, ST_INTEGRITY, "backwards");
    expect(ENTRY("F32", "[-2]", "0", "8"), 8, -1, ST_INTEGRITY, "not a count");
    expect(ENTRY("F32", "[2.5]", "0", "8"), 8, -1, ST_INTEGRITY, "not a count");
    expect(ENTRY("F32", "[4294967296,4294967296,2]", "0", "8"), 8, -1, ST_INTEGRITY, "too large");
    expect(ENTRY("F32", "\"2\"", "0", "8"), 8, -1, ST_INTEGRITY, "no shape");
    expect(ENTRY("F32", "[2]", "\"0\"", "8"), 8, -1, ST_INTEGRITY, "data_offsets");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, -1, ST_INTEGRITY, "data_offsets");
    expect("{\"a\":7}", 8, -1, ST_INTEGRITY, "not an object");
    expect("[1]", 8, -1, ST_INTEGRITY, "not a JSON object");
    expect("{\"a\"", 8, -1, ST_INTEGRITY, "damaged header");
    expect("{\"__metadata__\":{\"case\":1}}", 0, -1, ST_INTEGRITY, "not a string");
    expect(ENTRY("F32", "[2]", "0", "8"), 8, (int64_t)1 << 60, ST_INTEGRITY, "not a safetensors file");
    expect(ENTRY("F32", "[2]", "0", "8"), 8, 5000, ST_INTEGRITY, "truncated");
}

static void test_refuses_overlap(void **state) {
    (void)state;
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
           "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
           12, -1, ST_INTEGRITY, "overlaps");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
           "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
           12, -1, ST_INTEGRITY, "hole");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
           "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
           8, -1, ST_INTEGRITY, "duplicate");
}

static void test_refuses_what_it_cannot_hold(void **state) {
    (void)state;
    expect(ENTRY("U8", "[8]", "0", "8"), 8, -1, ST_USAGE, "'U8'");
    expect(ENTRY("F32", "[1,1,1,1,2]", "0", "8"), 8, -1, ST_USAGE, "5 dims");
}

static Status write_job(Ctx *ctx, void *arg) {
    SafeFile           file = {0};
    static const DType TYPES[] = {DT_F32, DT_BF16, DT_F16, DT_F64, DT_I32, DT_I64};
    static MetaEntry   meta = {"case", "{\"window\": 3}"};
    (void)arg;
    for (size_t t = 0; t < sizeof TYPES / sizeof *TYPES; t++) {
        const int64_t dims[] = {(int64_t)t, 3, 2}; /* the first is empty */
        const Tensor  tensor = tensor_new(ctx, TYPES[t], 3, dims);
        for (size_t i = 0; i < tensor_bytes(&tensor); i++)
            ((uint8_t *)tensor.data)[i] = (uint8_t)(31 * i + 7 * t + 1);
        tensors_put(ctx, &file.tensors, dtype_name(TYPES[t]), tensor);
    }
    file.meta = &meta;
    file.meta_count = 1;
    return safetensors_write(ctx, path, &file);
}

static void check_read_back(const SafeFile *file) {
    static const DType TYPES[] = {DT_F32, DT_BF16, DT_F16, DT_F64, DT_I32, DT_I64};
    assert_string_equal(safetensors_meta(file, "case"), "{\"window\": 3}");
    assert_null(safetensors_meta(file, "other"));
    for (size_t t = 0; t < sizeof TYPES / sizeof *TYPES; t++) {
        const Tensor *tensor = tensors_find(&file->tensors, dtype_name(TYPES[t]));
        assert_non_null(tensor);
        assert_int_equal(tensor->dtype, TYPES[t]);
        assert_int_equal(tensor->dims[0], t);
        assert_int_equal(tensor_elements(tensor), 6 * t);
        for (size_t i = 0; i < tensor_bytes(tensor); i++)
            assert_int_equal(((uint8_t *)tensor->data)[i], (uint8_t)(31 * i + 7 * t + 1));
    }
}

static void test_round_trip(void **state) {
    (void)state;
    Ctx      ctx;
    SafeFile file;
    Job      job = {.file = &file};
    ctx_init(&ctx);
    assert_int_equal(ctx_run(&ctx, write_job, NULL), ST_OK);
    assert_int_equal(ctx_run(&ctx, read_job, &job), ST_OK);
    check_read_back(&file);
    ctx_free(&ctx);
}

/* Whatever byte a good file ends at, it is refused: never read past, never taken for whole. */
static void test_truncated_at_every_byte(void **state) {
    (void)state;
    Ctx   ctx;
    char  bytes[8192];
    FILE *stream;
    ctx_init(&ctx);
    assert_int_equal(ctx_run(&ctx, write_job, NULL), ST_OK);
    ctx_free(&ctx);
    stream = fopen(path, "rb");
    assert_non_null(stream);
    const size_t size = fread(bytes, 1, sizeof bytes, stream);
    fclose(stream);
    for (size_t cut = 0; cut < size; cut++) {
        SafeFile file;
        Job      job = {.file = &file};
        write_bytes(bytes, cut);
        ctx_init(&ctx);
        assert_int_equal(ctx_run(&ctx, read_job, &job), ST_INTEGRITY);
        ctx_free(&ctx);
    }
}

static Status write_nowhere(Ctx *ctx, void *arg) {
    const Part part = {"x", 1};
    return file_write(ctx, arg, &part, 1);
}

static int entries(const char *name) {
    DIR *dir = opendir(name);
    int  count = 0;
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* A write that fails leaves what was there, and no temporary file. */
static void test_nothing_half_written(void **state) {
    (void)state;
    Ctx  ctx;
    char blocked[160];
    snprintf(blocked, sizeof blocked, "%s/taken", folder);
    assert_int_equal(mkdir(blocked, 0700), 0); /* a folder where the file should go: rename fails */
    const int before = entries(folder);
    ctx_init(&ctx);
    assert_int_equal(ctx_run(&ctx, write_nowhere, blocked), ST_FAILED);
    assert_true(ctx.remedy[0] != '\0');
    ctx_clear(&ctx);
    assert_int_equal(entries(folder), before);
    assert_int_equal(rmdir(blocked), 0);
    assert_int_equal(ctx_run(&ctx, write_nowhere, "/nonexistent/folder/file"), ST_FAILED);
    ctx_free(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_damage),
        cmocka_unit_test(test_refuses_overlap),
        cmocka_unit_test(test_refuses_what_it_cannot_hold),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_truncated_at_every_byte),
        cmocka_unit_test(test_nothing_half_written),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
