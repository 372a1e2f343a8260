/* What a damaged library does to the runtime: library_fuzz FILE, built by tests/test_aot_damage.sh from the runtime's sources
 * with sanitizers. Out: a line "NAME: N tries, M taken", then what was wrong.
 *
 * The image of the library is tried cut short at every place, with each byte of its tables changed and the tables' sum not or
 * made right, with bytes of its code objects changed and their sums not or made right. Nothing of it is run: kernels are found,
 * decoded and loaded. An image ends where its memory does, so that a read behind it is a signal. The runtime asks the system
 * whether memory can be read by writing it to a pipe: the sanitizer must not take that for a read, so `write` is one of ours. */
#include "rattan/rattan_rt.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/library_image.h"
#include "runtime/library.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { PAGE = 4096, ARGS = 512 };

static uint8_t *whole, *image; /* as it was built; where it is tried */
static size_t   size;
static int      wrong;

static void fail(const char *what, size_t at) {
    printf("wrong: %s at %zu\n", what, at);
    wrong++;
}

ssize_t unwatched_write(int file, const void *bytes, size_t count) { return (ssize_t)syscall(SYS_write, file, bytes, count); }

/* ---- The image ------------------------------------------------------------------------------------------------------
 */
static void read_image(const char *path) {
    FILE  *file = fopen(path, "rb");
    size_t length = 0, at = 0;
    char  *bytes = malloc((size_t)1 << 26);
    if (file)
        length = fread(bytes, 1, (size_t)1 << 26, file);
    while (at + sizeof(ImageHeader) < length && memcmp(bytes + at, IMAGE_MAGIC, sizeof IMAGE_MAGIC - 1) != 0)
        at += 8;
    ImageHeader header;
    memcpy(&header, bytes + at, sizeof header);
    size = header.bytes;
    if (!file || at + size > length) {
        puts("wrong: no library");
        exit(2);
    }
    whole = malloc(size);
    memcpy(whole, bytes + at, size);
    free(bytes);
    fclose(file);
}

/* Memory that ends with the image: sizes of images are multiples of their alignment. Behind it there is nothing as far as a
 * header may say that an image reaches. */
static void make_room(void) {
    const size_t room = (size + PAGE - 1) / PAGE * PAGE;
    uint8_t     *memory = mmap(NULL, (size_t)1 << 41, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, room, PROT_READ | PROT_WRITE) != 0)
        exit(2);
    image = memory + room - size;
}

static void restore(void) { memcpy(image, whole, size); }

static const ImageHeader *head(void) { return (const ImageHeader *)image; }

/* As an attacker would, or someone who builds libraries by hand. */
static void make_tables_right(void) {
    ImageHeader header;
    memcpy(&header, image, sizeof header);
    if (header.objects_at < sizeof header || header.objects_at > size)
        return;
    image_sum(image, header.tables);
    memcpy(image, &header, sizeof header);
}

/* ---- Trying ---------------------------------------------------------------------------------------------------------
 */
/* Every code object decoded; every function asked on a context, which loads its kernel: with sizes of one and no data. */
static rattan_rt_status try_image(const void *at, uint64_t interface) {
    static int64_t         args[ARGS];
    rattan_rt_context     *context = NULL;
    const rattan_rt_status status = rattan_rt_open(at, interface, NULL, &context);
    args[0] = args[1] = 1;
    if (status != RATTAN_RT_OK)
        return status;
    for (uint32_t e = 0; e < ((const ImageHeader *)at)->entry_count; e++) {
        int64_t bytes = 0;
        rattan_rt_memory(at, e, context, args, &bytes);
        rattan_rt_prepare(at, e, context, args, NULL);
    }
    rattan_rt_close(context);
    return status;
}

/* How many code objects are refused. */
static int damaged(void) {
    Library      library;
    LibraryFault fault;
    Ctx          ctx;
    int          count = 0;
    ctx_init(&ctx);
    if (library_open(&ctx, image, head()->interface, &library, &fault) != ST_OK)
        return -1;
    for (uint32_t c = 0; c < library.header->code_count; c++) {
        CodeObject *object = NULL;
        Ctx         own;
        ctx_init(&own);
        count += library_code(&own, &library, c, &object) != ST_OK;
        code_object_free(object);
        ctx_free(&own);
    }
    ctx_free(&ctx);
    return count;
}

static void report(const char *name, int tries, int taken) { printf("%s: %d tries, %d taken\n", name, tries, taken); }

/* As in a file that has become shorter than what is mapped of it. */
static void try_cuts(const char *folder) {
    char path[4096];
    int  tries = 0, taken = 0;
    snprintf(path, sizeof path, "%s/cut", folder);
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || write(file, whole, size) != (ssize_t)size)
        exit(2);
    for (size_t cut = size; cut > 0; cut -= cut > head()->objects_at + 509 ? 509 : 1) {
        if (ftruncate(file, (off_t)cut) != 0)
            exit(2);
        void                  *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
        const rattan_rt_status status = try_image(at, head()->interface);
        munmap(at, size);
        tries++;
        taken += status == RATTAN_RT_OK;
        if (cut < size && status != RATTAN_RT_INTEGRITY)
            fail("an image cut short", cut);
    }
    close(file);
    report("cut short", tries, taken);
}

/* Each bit of the header and the tables: all are seen. */
static void try_tables(void) {
    int tries = 0, taken = 0;
    for (size_t at = 0; at < head()->objects_at; at++)
        for (int bit = 0; bit < 8; bit++) {
            image[at] ^= (uint8_t)(1 << bit);
            const rattan_rt_status status = try_image(image, ((const ImageHeader *)whole)->interface);
            image[at] = whole[at];
            tries++;
            taken += status == RATTAN_RT_OK;
            if (status != RATTAN_RT_INTEGRITY && status != RATTAN_RT_VERSION)
                fail("a changed table", at);
        }
    report("tables changed", tries, taken);
}

/* The same with a sum that fits: whatever is said of it, nothing outside the image is read. */
static void try_hostile_tables(void) {
    static const uint8_t VALUES[] = {0, 0x7F, 0xFF};
    int                  tries = 0, taken = 0;
    for (size_t at = 8; at < head()->objects_at; at++)
        for (size_t v = 0; v < sizeof VALUES; v++) {
            memcpy(image, whole, ((const ImageHeader *)whole)->objects_at);
            image[at] = VALUES[v];
            make_tables_right();
            taken += try_image(image, ((const ImageHeader *)whole)->interface) == RATTAN_RT_OK;
            if (tries++ % 8 == 0)
                damaged();
        }
    restore();
    report("tables forged", tries, taken);
}

/* Bytes of the code objects that lie in the image once: each change makes one of them refused, or lies between them. */
static void try_codes(void) {
    int tries = 0, taken = 0;
    for (size_t at = head()->objects_at; at < size - 64; at += 1 + size / 1000) {
        image[at] ^= 0x10;
        const int found = damaged();
        image[at] = whole[at];
        tries++;
        taken += found == 0;
    }
    report("code changed", tries, taken);
}

/* A code object that is not squeezed, changed, with sums that fit: its fields are looked at, its ELF object is loaded. */
static void forge(uint32_t code, size_t at, uint8_t value) {
    ImageCode            row;
    const uint64_t       place = head()->codes_at + code * sizeof row;
    XXH128_canonical_t   sum;
    memcpy(&row, image + place, sizeof row);
    image[row.at + at] = value;
    XXH128_canonicalFromHash(&sum, XXH3_128bits(image + row.at, row.bytes - IMAGE_SUM));
    memcpy(image + row.at + row.bytes - IMAGE_SUM, sum.digest, IMAGE_SUM);
    memcpy(row.sum, sum.digest, IMAGE_SUM);
    memcpy(image + place, &row, sizeof row);
    make_tables_right();
}

static void try_hostile_codes(void) {
    static const uint8_t VALUES[] = {0, 0x7F, 0xFF};
    const ImageCode     *rows = (const ImageCode *)(whole + head()->codes_at);
    int                  tries = 0, taken = 0;
    for (uint32_t c = 0; c < head()->code_count; c++)
        for (size_t at = 0; !rows[c].length && at < rows[c].bytes - IMAGE_SUM; at += at < 1500 ? 1 : 53) {
            memcpy(image, whole, head()->objects_at);
            memcpy(image + rows[c].at, whole + rows[c].at, rows[c].bytes);
            forge(c, at, VALUES[(at + c) % sizeof VALUES]);
            taken += try_image(image, ((const ImageHeader *)whole)->interface) == RATTAN_RT_OK;
            tries++;
        }
    restore();
    report("code forged", tries, taken);
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    read_image(argv[1]);
    make_room();
    restore();
    if (try_image(image, head()->interface) != RATTAN_RT_OK || damaged() != 0)
        fail("the image as it was built", 0);
    try_cuts(argv[2]);
    try_tables();
    try_hostile_tables();
    try_codes();
    try_hostile_codes();
    printf("%d wrong\n", wrong);
    return wrong > 0;
}
