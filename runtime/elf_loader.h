/* Loads a relocatable ELF object (what the CPU back end makes) into this process, without a linker or LLVM. */
#ifndef RATTAN_RUNTIME_ELF_LOADER_H
#define RATTAN_RUNTIME_ELF_LOADER_H

#include "base/ctx.h"

typedef struct ElfImage {
    uint8_t *base;  /* one mapping: code (R+X), constants (R), data (R+W), never writable and executable at once */
    size_t   size;
} ElfImage;

/* An address asked for by the name of a function that the object defines. */
typedef struct ElfSymbol {
    const char *name;
    void       *address; /* out */
} ElfSymbol;

/* The object is not needed after this. Its undefined symbols may be memcpy, memmove and memset. Another machine's object
 * is ST_NO_DEVICE, a malformed one or one that needs what is not provided ST_INTEGRITY; then nothing stays mapped. */
Status elf_load(Ctx *ctx, const uint8_t *object, size_t size, ElfSymbol *symbols, int symbol_count, ElfImage *image);
void   elf_unload(ElfImage *image);

/* ---- Between elf_loader.c and elf_relocate.c ----------------------------------------------------------------- */
typedef struct ElfFixup {
    uint8_t *place;   /* what to patch: the bytes where it will also run */
    size_t   room;    /* bytes from there to the section's end */
    uint32_t type;    /* R_... of the machine */
    uint64_t symbol;  /* S: address */
    int64_t  addend;  /* A */
    uint64_t got;     /* address of the symbol's slot in the offset table */
} ElfFixup;

enum { ELF_STUB_BYTES = 16 };

typedef struct ElfMachine {
    uint16_t    id; /* EM_... */
    const char *name;
    bool (*needs_got)(uint32_t type);
    Status (*apply)(Ctx *ctx, const ElfFixup *fixup);
    void (*stub)(uint8_t out[ELF_STUB_BYTES], uint64_t target); /* a jump to anywhere */
} ElfMachine;

const ElfMachine *elf_machine(uint16_t id); /* NULL: unknown */
uint16_t          elf_host_machine(void);

#endif
