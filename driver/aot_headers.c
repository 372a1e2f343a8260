/* Moves a shared library's program headers behind all that the dynamic linker reads of it, in front of the image.
 *
 * In:  the linker's output by the script of aot_link.c, of which the segment in front of the image ends before its last page does.
 * Out: the same file; the headers are in that page's rest.
 * Why: the dynamic linker asks for the program headers first. Where the file has been cut short before the image, they are not
 *      there, and it says so; were they at the beginning it would map pages that the file no longer has, and die of a signal. */
#include "driver/aot.h"

#include <elf.h>
#include <string.h>

static Elf64_Phdr segment_of(const uint8_t *bytes, const Elf64_Ehdr *elf, int number) {
    Elf64_Phdr segment;
    memcpy(&segment, bytes + elf->e_phoff + (size_t)number * sizeof segment, sizeof segment);
    return segment;
}

/* From behind all other segments to where the image's begins, which is the last one. */
static void find_gap(const uint8_t *bytes, const Elf64_Ehdr *elf, uint64_t *from, uint64_t *to) {
    *from = *to = 0;
    for (int s = 0; s < elf->e_phnum; s++) {
        const Elf64_Phdr segment = segment_of(bytes, elf, s);
        if (segment.p_type == PT_LOAD && segment.p_offset > *to)
            *to = segment.p_offset;
    }
    for (int s = 0; s < elf->e_phnum; s++) {
        const Elf64_Phdr segment = segment_of(bytes, elf, s);
        if (segment.p_type == PT_LOAD && segment.p_offset < *to && segment.p_offset + segment.p_filesz > *from)
            *from = segment.p_offset + segment.p_filesz;
    }
    *from = (*from + 7) / 8 * 8;
}

static Status unusual(Ctx *ctx, const char *name, const char *how) {
    return ctx_fail(ctx, ST_FAILED, name, "name another linker with --linker", "what the linker wrote %s", how);
}

Status aot_move_headers(Ctx *ctx, const char *name, uint8_t *bytes, size_t size) {
    Elf64_Ehdr elf;
    uint64_t   from, to;
    if (size < sizeof elf)
        return unusual(ctx, name, "is no ELF file");
    memcpy(&elf, bytes, sizeof elf);
    const size_t length = elf.e_phnum * sizeof(Elf64_Phdr);
    if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_phentsize != sizeof(Elf64_Phdr) || elf.e_phoff > size ||
        length > size - elf.e_phoff)
        return unusual(ctx, name, "is no ELF file");
    find_gap(bytes, &elf, &from, &to);
    if (to > size || from > to || length > to - from)
        return unusual(ctx, name, "has no room before the image");
    memcpy(bytes + from, bytes + elf.e_phoff, length);
    memset(bytes + elf.e_phoff, 0, length);
    elf.e_phoff = from;
    memcpy(bytes, &elf, sizeof elf);
    return ST_OK;
}
