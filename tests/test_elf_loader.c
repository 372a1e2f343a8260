/* link: rattan_runtime */
/* The ELF loader on an object made by the C compiler (LOADER_SAMPLE), whole and damaged. */
#include "runtime/elf_loader.h"

#include <elf.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

typedef void Phase(const int64_t *args, int64_t item, void *scratch);

typedef struct Object {
    uint8_t *bytes;
    size_t   size;
} Object;

static Object read_object(const char *path) {
    Object object = {0};
    FILE  *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    object.size = (size_t)ftell(file);
    rewind(file);
    object.bytes = malloc(object.size);
    assert_int_equal(fread(object.bytes, 1, object.size, file), object.size);
    fclose(file);
    return object;
}

static Status try_load(const uint8_t *bytes, size_t size, ElfSymbol *symbols, int count, ElfImage *image, Ctx *ctx) {
    uint8_t *exact = malloc(size ? size : 1); /* so that the sanitizer sees a read behind the end */
    memcpy(exact, bytes, size);
    ctx_init(ctx);
    const Status status = elf_load(ctx, exact, size, symbols, count, image);
    free(exact);
    return status;
}

static Phase *phase_of(const ElfSymbol *symbol) {
    Phase *phase;
    memcpy(&phase, &symbol->address, sizeof phase);
    return phase;
}

static void test_runs(void **state) {
    (void)state;
    Object    object = read_object(LOADER_SAMPLE);
    ElfSymbol symbols[3] = {{"sample_weigh", NULL}, {"sample_data", NULL}, {"sample_name", NULL}};
    ElfImage  image;
    Ctx       ctx;
    assert_int_equal(try_load(object.bytes, object.size, symbols, 3, &image, &ctx), ST_OK);
    free(object.bytes); /* the image must stand alone */
    double        out[12];
    const int64_t weigh_args[1] = {(int64_t)(uintptr_t)out};
    for (int i = 0; i < 12; i++)
        phase_of (&symbols[0])(weigh_args, i, NULL);
    static const double  WEIGHTS[5] = {0.5, -2.25, 3.125, 7.0, -11.5};
    static const int16_t SHORTS[3] = {-7, 300, 12345};
    for (int i = 0; i < 12; i++)
        assert_true(out[i] == WEIGHTS[i % 5] + SHORTS[i % 3]);
    int64_t       data[4];
    const int64_t data_args[1] = {(int64_t)(uintptr_t)data};
    phase_of (&symbols[1])(data_args, 2, NULL);
    phase_of (&symbols[1])(data_args, 2, NULL);
    assert_int_equal(data[0], 32);
    assert_int_equal(data[1], 4);
    assert_int_equal(data[2], 11);
    assert_int_equal(data[3], 0);
    char          name[40], scratch[16];
    const int64_t name_args[2] = {(int64_t)(uintptr_t)name, 23};
    name[39] = '\0';
    phase_of (&symbols[2])(name_args, 1, scratch);
    assert_string_equal(name, "second.................................");
    elf_unload(&image);
}

/* The rights of the mapping that holds an address, as /proc tells them. */
static void rights_at(const void *address, char rights[5]) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char  line[512];
    strcpy(rights, "none");
    while (fgets(line, sizeof line, maps)) {
        uintptr_t start, end;
        char      found[5];
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, found) == 3 && (uintptr_t)address >= start &&
            (uintptr_t)address < end)
            memcpy(rights, found, 5);
    }
    fclose(maps);
}

static void test_never_writable_and_executable(void **state) {
    (void)state;
    Object    object = read_object(LOADER_SAMPLE);
    ElfSymbol symbol = {"sample_weigh", NULL};
    ElfImage  image;
    Ctx       ctx;
    char      rights[5];
    assert_int_equal(try_load(object.bytes, object.size, &symbol, 1, &image, &ctx), ST_OK);
    rights_at(symbol.address, rights);
    assert_string_equal(rights, "r-xp");
    bool constants = false, data = false;
    for (size_t at = 0; at < image.size; at += 4096) {
        rights_at(image.base + at, rights);
        assert_false(rights[1] == 'w' && rights[2] == 'x');
        constants |= strcmp(rights, "r--p") == 0;
        data |= strcmp(rights, "rw-p") == 0;
    }
    assert_true(constants && data);
    elf_unload(&image);
    free(object.bytes);
}

static void test_missing_function(void **state) {
    (void)state;
    Object    object = read_object(LOADER_SAMPLE);
    ElfSymbol symbol = {"not_there", NULL};
    ElfImage  image;
    Ctx       ctx;
    assert_int_equal(try_load(object.bytes, object.size, &symbol, 1, &image, &ctx), ST_INTEGRITY);
    assert_non_null(strstr(ctx.message, "not_there"));
    assert_null(image.base);
    free(object.bytes);
}

/* Renames an undefined function: nothing but the three is found, whatever the process has. */
static void test_other_functions_are_not_provided(void **state) {
    (void)state;
    Object object = read_object(LOADER_SAMPLE);
    bool   renamed = false;
    for (size_t i = 0; i + 8 < object.size; i++)
        if (memcmp(object.bytes + i, "\0memset", 8) == 0) {
            memcpy(object.bytes + i + 1, "malloc", 6);
            renamed = true;
        }
    assert_true(renamed);
    ElfImage image;
    Ctx      ctx;
    assert_int_equal(try_load(object.bytes, object.size, NULL, 0, &image, &ctx), ST_INTEGRITY);
    assert_non_null(strstr(ctx.message, "malloc"));
    free(object.bytes);
}

static void test_truncated_anywhere(void **state) {
    (void)state;
    Object object = read_object(LOADER_SAMPLE);
    for (size_t size = 0; size < object.size; size++) {
        ElfImage image;
        Ctx      ctx;
        assert_int_equal(try_load(object.bytes, size, NULL, 0, &image, &ctx), ST_INTEGRITY);
        assert_null(image.base);
    }
    free(object.bytes);
}

/* Every byte of the headers and tables replaced in turn: an error or an image, never a crash. */
static void test_damaged_anywhere(void **state) {
    (void)state;
    Object   object = read_object(LOADER_SAMPLE);
    unsigned random = 12345;
    int      refused = 0;
    for (size_t i = 0; i < object.size; i++) {
        const uint8_t kept = object.bytes[i];
        random = random * 1664525 + 1013904223;
        object.bytes[i] = (uint8_t)(kept ^ (1 + (random >> 16) % 255));
        ElfImage image;
        Ctx      ctx;
        refused += try_load(object.bytes, object.size, NULL, 0, &image, &ctx) != ST_OK;
        elf_unload(&image);
        object.bytes[i] = kept;
    }
    assert_true(refused > 100);
    free(object.bytes);
}

static void test_other_machine(void **state) {
    (void)state;
    Object         object = read_object(LOADER_SAMPLE);
    const uint16_t other = elf_host_machine() == EM_X86_64 ? EM_AARCH64 : EM_X86_64;
    memcpy(object.bytes + 18, &other, 2);
    ElfImage image;
    Ctx      ctx;
    assert_int_equal(try_load(object.bytes, object.size, NULL, 0, &image, &ctx), ST_NO_DEVICE);
    assert_non_null(strstr(ctx.message, elf_machine(other)->name));
    free(object.bytes);
}

/* ---- Relocations of both machines against values worked out by hand --------------------------------------------- */
static uint32_t patched(uint16_t machine, uint32_t word, uint32_t type, int64_t distance, uint64_t got,
                        Status expected) {
    static uint32_t place[4] __attribute__((aligned(4096)));
    Ctx             ctx;
    ctx_init(&ctx);
    place[0] = word;
    const ElfFixup fixup = {(uint8_t *)place, 4, type, (uint64_t)(uintptr_t)place + (uint64_t)distance, 0, got};
    assert_int_equal(elf_machine(machine)->apply(&ctx, &fixup), expected);
    assert_int_equal(place[1], 0); /* nothing behind the room */
    return place[0];
}

static void test_aarch64_fields(void **state) {
    (void)state;
    const uint16_t m = EM_AARCH64;
    assert_int_equal(patched(m, 0x94000000, R_AARCH64_CALL26, 0x1000, 0, ST_OK), 0x94000400);
    assert_int_equal(patched(m, 0x14000000, R_AARCH64_JUMP26, -4, 0, ST_OK), 0x17FFFFFF);
    assert_int_equal(patched(m, 0x94000000, R_AARCH64_CALL26, INT64_C(1) << 27, 0, ST_INTEGRITY), 0x94000000);
    assert_int_equal(patched(m, 0x94000000, R_AARCH64_CALL26, 2, 0, ST_INTEGRITY), 0x94000000);
    assert_int_equal(patched(m, 0x90000000, R_AARCH64_ADR_PREL_PG_HI21, 0x5000, 0, ST_OK), 0xB0000020);
    assert_int_equal(patched(m, 0x90000000, R_AARCH64_ADR_PREL_PG_HI21, -1, 0, ST_OK), 0xF0FFFFE0);
    assert_int_equal(patched(m, 0x90000000, R_AARCH64_ADR_PREL_PG_HI21, INT64_C(1) << 33, 0, ST_INTEGRITY), 0x90000000);
    assert_int_equal(patched(m, 0x91000000, R_AARCH64_ADD_ABS_LO12_NC, 0x123, 0, ST_OK), 0x91048C00);
    assert_int_equal(patched(m, 0x39400000, R_AARCH64_LDST8_ABS_LO12_NC, 0x7, 0, ST_OK), 0x39401C00);
    assert_int_equal(patched(m, 0x79400000, R_AARCH64_LDST16_ABS_LO12_NC, 0x6, 0, ST_OK), 0x79400C00);
    assert_int_equal(patched(m, 0xB9400000, R_AARCH64_LDST32_ABS_LO12_NC, 0x8, 0, ST_OK), 0xB9400800);
    assert_int_equal(patched(m, 0xF9400000, R_AARCH64_LDST64_ABS_LO12_NC, 0x10, 0, ST_OK), 0xF9400800);
    assert_int_equal(patched(m, 0x3DC00000, R_AARCH64_LDST128_ABS_LO12_NC, 0x20, 0, ST_OK), 0x3DC00800);
    assert_int_equal(patched(m, 0x3DC00000, R_AARCH64_LDST128_ABS_LO12_NC, 0x28, 0, ST_INTEGRITY), 0x3DC00000);
    assert_int_equal(patched(m, 0xF9400000, R_AARCH64_LD64_GOT_LO12_NC, 0, 0x7018, ST_OK), 0xF9400C00);
    assert_int_equal(patched(m, 0, R_AARCH64_PREL32, -2, 0, ST_OK), 0xFFFFFFFE);
    patched(m, 0, R_AARCH64_ABS64, 0, 0, ST_INTEGRITY); /* 8 bytes where there are 4 */
    patched(m, 0, 9999, 0, 0, ST_INTEGRITY);
}

static void test_x86_64_fields(void **state) {
    (void)state;
    const uint16_t m = EM_X86_64;
    assert_int_equal(patched(m, 0, R_X86_64_PC32, -4, 0, ST_OK), 0xFFFFFFFC);
    assert_int_equal(patched(m, 0, R_X86_64_PLT32, 0x12345678, 0, ST_OK), 0x12345678);
    assert_int_equal(patched(m, 7, R_X86_64_PC32, INT64_C(1) << 31, 0, ST_INTEGRITY), 7);
    patched(m, 0, R_X86_64_64, 0, 0, ST_INTEGRITY);
    patched(m, 0, R_X86_64_TPOFF32, 0, 0, ST_INTEGRITY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_never_writable_and_executable),
        cmocka_unit_test(test_missing_function),
        cmocka_unit_test(test_other_functions_are_not_provided),
        cmocka_unit_test(test_truncated_anywhere),
        cmocka_unit_test(test_damaged_anywhere),
        cmocka_unit_test(test_other_machine),
        cmocka_unit_test(test_aarch64_fields),
        cmocka_unit_test(test_x86_64_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
