/* A small loader for relocatable ELF64 objects: what ld.so and a JIT would do, cut down to what our code generator
 * emits.
 *
 * In:  the object's bytes, from the compiler or from a cache, and the names of the functions wanted.
 * Out: one mapping that holds its code, constants and data, relocated; and the functions' addresses.
 * Always: every offset, size and index in the object is checked before use, so that a damaged object gives an error and
 *      nothing else. Memory is writable while it is filled and then becomes R+X, R or R+W: never W and X together.
 *      Nothing but memcpy, memmove and memset can be reached from outside.
 *
 * The mapping: [code sections, one stub for each outside function] [constants, offset table] [data, zeroed data], each
 * of the three starting on a page. A stub is a jump through a full address, since the C library may be further away
 * than a call reaches. The offset table has a slot for each symbol; few objects use any. Unwind tables are left out:
 * the code neither throws nor calls back. */
#include "runtime/elf_loader.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GROUP_NONE = -1, GROUP_CODE, GROUP_CONST, GROUP_DATA, GROUP_COUNT };
enum { MAX_IMAGE = 1 << 30 }; /* well within what 32-bit distances reach */

typedef struct Outside {
    const char *name;
    uint64_t    address;
} Outside;

enum { OUTSIDE_COUNT = 3 };

static Outside outside(int index) {
    switch (index) {
    case 0: return (Outside){"memcpy", (uint64_t)(uintptr_t)memcpy};
    case 1: return (Outside){"memmove", (uint64_t)(uintptr_t)memmove};
    default: return (Outside){"memset", (uint64_t)(uintptr_t)memset};
    }
}

typedef struct Section {
    Elf64_Shdr header;
    int        group;  /* GROUP_x; GROUP_NONE: not loaded */
    uint64_t   offset; /* in the image */
} Section;

typedef struct Loader {
    Ctx              *ctx;
    const uint8_t    *object;
    size_t            size;
    const ElfMachine *machine;
    Section          *sections;
    int               section_count, symtab;
    uint64_t          symbol_count;
    const char       *names; /* of the symbols; terminated */
    uint64_t          names_size;
    uint64_t          stubs, got;        /* offsets in the image */
    uint64_t          ends[GROUP_COUNT]; /* of the groups: page multiples */
    uint8_t          *base;
} Loader;

static Status malformed(const Loader *loader, const char *what) {
    return ctx_fail(loader->ctx, ST_INTEGRITY, "code", "compile it again", "the object is malformed: %s", what);
}

static bool in_object(const Loader *loader, uint64_t offset, uint64_t size) {
    return offset <= loader->size && size <= loader->size - offset;
}

static uint64_t align_up(uint64_t n, uint64_t alignment) { return (n + alignment - 1) & ~(alignment - 1); }

static uint64_t page_bytes(void) { return (uint64_t)sysconf(_SC_PAGESIZE); }

/* ---- Reading the headers --------------------------------------------------------------------------------------- */
static Status read_header(Loader *loader, Elf64_Ehdr *header) {
    if (!in_object(loader, 0, sizeof *header))
        return malformed(loader, "too short");
    memcpy(header, loader->object, sizeof *header);
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64 ||
        header->e_ident[EI_DATA] != ELFDATA2LSB || header->e_type != ET_REL)
        return malformed(loader, "not a relocatable little-endian ELF64 file");
    loader->machine = elf_machine(header->e_machine);
    if (!loader->machine || header->e_machine != elf_host_machine()) {
        const ElfMachine *host = elf_machine(elf_host_machine());
        return ctx_fail(loader->ctx, ST_NO_DEVICE, "code", "compile it for this machine",
                        "the object is for %s, this machine is %s",
                        loader->machine ? loader->machine->name : "an unknown machine",
                        host ? host->name : "of an unknown kind");
    }
    if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shnum == 0 ||
        !in_object(loader, header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr)))
        return malformed(loader, "section table");
    return ST_OK;
}

static int group_of(const Elf64_Shdr *header, const char *name) {
    if (!(header->sh_flags & SHF_ALLOC) || header->sh_type == SHT_NULL || strcmp(name, ".eh_frame") == 0)
        return GROUP_NONE;
    if (header->sh_flags & SHF_EXECINSTR)
        return GROUP_CODE;
    return header->sh_flags & SHF_WRITE ? GROUP_DATA : GROUP_CONST;
}

/* A table of names as the object has them: must end in a terminator, so that no name runs past it. */
static Status name_table(const Loader *loader, const Elf64_Shdr *header, const char **names) {
    if (header->sh_type != SHT_STRTAB || header->sh_size == 0 || !in_object(loader, header->sh_offset, header->sh_size))
        return malformed(loader, "name table");
    *names = (const char *)loader->object + header->sh_offset;
    return (*names)[header->sh_size - 1] == '\0' ? ST_OK : malformed(loader, "name table");
}

static Status check_section(const Loader *loader, const Section *section) {
    const Elf64_Shdr *header = &section->header;
    if (header->sh_type != SHT_NOBITS && header->sh_type != SHT_NULL &&
        !in_object(loader, header->sh_offset, header->sh_size))
        return malformed(loader, "a section lies outside the file");
    if (section->group == GROUP_NONE)
        return ST_OK;
    if (header->sh_flags & (SHF_TLS | SHF_COMPRESSED) || header->sh_type == SHT_INIT_ARRAY ||
        header->sh_type == SHT_FINI_ARRAY)
        return malformed(loader, "thread-local, compressed or constructor sections are not supported");
    if (header->sh_addralign & (header->sh_addralign - 1) || header->sh_addralign > page_bytes())
        return malformed(loader, "alignment of a section");
    if (section->group == GROUP_CODE && header->sh_flags & SHF_WRITE)
        return malformed(loader, "a section is both writable and executable");
    return header->sh_size <= MAX_IMAGE ? ST_OK : malformed(loader, "a section is too large");
}

static Status read_sections(Loader *loader, const Elf64_Ehdr *header) {
    loader->section_count = header->e_shnum;
    loader->sections = calloc(header->e_shnum, sizeof *loader->sections);
    if (!loader->sections)
        return ctx_fail(loader->ctx, ST_NO_MEMORY, "code", NULL, "out of memory");
    for (int i = 0; i < loader->section_count; i++)
        memcpy(&loader->sections[i].header, loader->object + header->e_shoff + (size_t)i * sizeof(Elf64_Shdr),
               sizeof(Elf64_Shdr));
    if (header->e_shstrndx >= loader->section_count)
        return malformed(loader, "name table");
    const Elf64_Shdr *table = &loader->sections[header->e_shstrndx].header;
    const char       *names;
    TRY(name_table(loader, table, &names));
    for (int i = 0; i < loader->section_count; i++) {
        Section *section = &loader->sections[i];
        if (section->header.sh_name >= table->sh_size)
            return malformed(loader, "name of a section");
        section->group = group_of(&section->header, names + section->header.sh_name);
        TRY(check_section(loader, section));
    }
    return ST_OK;
}

static Status read_symbol_table(Loader *loader) {
    for (int i = 0; i < loader->section_count; i++) {
        const Elf64_Shdr *header = &loader->sections[i].header;
        if (header->sh_type != SHT_SYMTAB)
            continue;
        if (header->sh_entsize != sizeof(Elf64_Sym) || header->sh_link >= (uint64_t)loader->section_count)
            return malformed(loader, "symbol table");
        loader->symtab = i;
        loader->symbol_count = header->sh_size / sizeof(Elf64_Sym);
        const Elf64_Shdr *names = &loader->sections[header->sh_link].header;
        loader->names_size = names->sh_size;
        return name_table(loader, names, &loader->names);
    }
    return malformed(loader, "no symbol table");
}

/* ---- Placing ----------------------------------------------------------------------------------------------------- */
static Status place_sections(Loader *loader) {
    uint64_t at = 0;
    for (int group = 0; group < GROUP_COUNT; group++) {
        for (int i = 0; i < loader->section_count; i++) {
            Section *section = &loader->sections[i];
            if (section->group != group)
                continue;
            section->offset = align_up(at, section->header.sh_addralign ? section->header.sh_addralign : 1);
            at = section->offset + section->header.sh_size;
            if (at > MAX_IMAGE)
                return malformed(loader, "more than 1 GiB");
        }
        uint64_t *extra = group == GROUP_CODE ? &loader->stubs : &loader->got;
        if (group != GROUP_DATA) {
            *extra = align_up(at, ELF_STUB_BYTES);
            at = *extra +
                 (group == GROUP_CODE ? OUTSIDE_COUNT * ELF_STUB_BYTES : loader->symbol_count * sizeof(uint64_t));
        }
        at = align_up(at, page_bytes());
        loader->ends[group] = at;
    }
    return at <= MAX_IMAGE ? ST_OK : malformed(loader, "more than 1 GiB");
}

static Status fill_image(Loader *loader) {
    void *base = mmap(NULL, loader->ends[GROUP_DATA], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return ctx_fail(loader->ctx, ST_NO_MEMORY, "code", NULL, "no memory for %llu bytes of code",
                        (unsigned long long)loader->ends[GROUP_DATA]);
    loader->base = base;
    for (int i = 0; i < loader->section_count; i++) {
        const Section *section = &loader->sections[i];
        if (section->group != GROUP_NONE && section->header.sh_type != SHT_NOBITS && section->header.sh_size)
            memcpy(loader->base + section->offset, loader->object + section->header.sh_offset, section->header.sh_size);
    }
    for (int i = 0; i < OUTSIDE_COUNT; i++)
        loader->machine->stub(loader->base + loader->stubs + i * ELF_STUB_BYTES, outside(i).address);
    return ST_OK;
}

/* ---- Symbols ------------------------------------------------------------------------------------------------------
 */
typedef struct Target {
    uint64_t    address; /* what code refers to: for an outside function its stub */
    uint64_t    slot;    /* what the offset table holds */
    const char *name;
    bool        is_code;
} Target;

static Status resolve_outside(const Loader *loader, Target *target) {
    for (int i = 0; i < OUTSIDE_COUNT; i++)
        if (strcmp(target->name, outside(i).name) == 0) {
            target->address = (uint64_t)(uintptr_t)loader->base + loader->stubs + (uint64_t)i * ELF_STUB_BYTES;
            target->slot = outside(i).address;
            return ST_OK;
        }
    return ctx_fail(loader->ctx, ST_INTEGRITY, "code", "the code may call memcpy, memmove and memset alone",
                    "the object needs \"%.100s\", which is not provided", target->name);
}

static Status resolve(const Loader *loader, uint64_t index, Target *target) {
    Elf64_Sym symbol;
    *target = (Target){.name = ""};
    if (index >= loader->symbol_count)
        return malformed(loader, "index of a symbol");
    memcpy(&symbol, loader->object + loader->sections[loader->symtab].header.sh_offset + index * sizeof symbol,
           sizeof symbol);
    if (symbol.st_name >= loader->names_size)
        return malformed(loader, "name of a symbol");
    target->name = loader->names + symbol.st_name;
    if (index == 0)
        return ST_OK;
    if (symbol.st_shndx == SHN_UNDEF)
        return resolve_outside(loader, target);
    if (symbol.st_shndx >= loader->section_count || loader->sections[symbol.st_shndx].group == GROUP_NONE)
        return malformed(loader, "a symbol lies in no section that is loaded");
    const Section *section = &loader->sections[symbol.st_shndx];
    if (symbol.st_value > section->header.sh_size)
        return malformed(loader, "a symbol lies outside its section");
    target->address = target->slot = (uint64_t)(uintptr_t)loader->base + section->offset + symbol.st_value;
    target->is_code = section->group == GROUP_CODE && symbol.st_value < section->header.sh_size;
    return ST_OK;
}

static bool is_defined(const Loader *loader, uint64_t index) {
    Elf64_Sym symbol;
    memcpy(&symbol, loader->object + loader->sections[loader->symtab].header.sh_offset + index * sizeof symbol,
           sizeof symbol);
    return symbol.st_shndx != SHN_UNDEF && symbol.st_shndx < loader->section_count &&
           ELF64_ST_BIND(symbol.st_info) != STB_LOCAL;
}

static Status find_symbol(const Loader *loader, ElfSymbol *wanted) {
    for (uint64_t i = 1; i < loader->symbol_count; i++) {
        Target target;
        if (!is_defined(loader, i))
            continue;
        TRY(resolve(loader, i, &target));
        if (target.is_code && strcmp(target.name, wanted->name) == 0) {
            wanted->address = (void *)(uintptr_t)target.address;
            return ST_OK;
        }
    }
    return ctx_fail(loader->ctx, ST_INTEGRITY, "code", "compile it again", "the object lacks the function \"%s\"",
                    wanted->name);
}

/* ---- Relocations --------------------------------------------------------------------------------------------------
 */
static Status relocate(const Loader *loader, const Section *section, const Elf64_Rela *entry) {
    Target target;
    if (entry->r_offset >= section->header.sh_size)
        return malformed(loader, "a relocation lies outside its section");
    const uint64_t symbol = ELF64_R_SYM(entry->r_info);
    TRY(resolve(loader, symbol, &target));
    uint8_t *const slot = loader->base + loader->got + symbol * sizeof(uint64_t);
    const ElfFixup fixup = {
        .place = loader->base + section->offset + entry->r_offset,
        .room = section->header.sh_size - entry->r_offset,
        .type = ELF64_R_TYPE(entry->r_info),
        .symbol = target.address,
        .addend = entry->r_addend,
        .got = (uint64_t)(uintptr_t)slot,
    };
    if (loader->machine->needs_got(fixup.type))
        memcpy(slot, &target.slot, sizeof target.slot);
    return loader->machine->apply(loader->ctx, &fixup);
}

static Status relocate_section(const Loader *loader, const Elf64_Shdr *table) {
    if (table->sh_info >= (uint64_t)loader->section_count)
        return malformed(loader, "section of a relocation table");
    const Section *section = &loader->sections[table->sh_info];
    if (section->group == GROUP_NONE)
        return ST_OK;
    if (table->sh_type == SHT_REL || table->sh_entsize != sizeof(Elf64_Rela) || section->header.sh_type == SHT_NOBITS ||
        table->sh_link != (uint64_t)loader->symtab)
        return malformed(loader, "relocation table");
    for (uint64_t i = 0; i < table->sh_size / sizeof(Elf64_Rela); i++) {
        Elf64_Rela entry;
        memcpy(&entry, loader->object + table->sh_offset + i * sizeof entry, sizeof entry);
        TRY(relocate(loader, section, &entry));
    }
    return ST_OK;
}

static Status relocate_all(const Loader *loader) {
    for (int i = 0; i < loader->section_count; i++) {
        const Elf64_Shdr *header = &loader->sections[i].header;
        if (header->sh_type == SHT_RELA || header->sh_type == SHT_REL)
            TRY(relocate_section(loader, header));
    }
    return ST_OK;
}

/* ---- The whole ------------------------------------------------------------------------------------------------------
 */
static Status protect(const Loader *loader) {
    static const int RIGHTS[GROUP_COUNT] = {PROT_READ | PROT_EXEC, PROT_READ, PROT_READ | PROT_WRITE};
    uint64_t         start = 0;
    __builtin___clear_cache((char *)loader->base, (char *)loader->base + loader->ends[GROUP_CODE]);
    for (int group = 0; group < GROUP_COUNT; group++) {
        const uint64_t end = loader->ends[group];
        if (end > start && mprotect(loader->base + start, end - start, RIGHTS[group]) != 0)
            return ctx_fail(loader->ctx, ST_FAILED, "code", "allow this process to map executable memory",
                            "the system refuses to make code executable");
        start = end;
    }
    return ST_OK;
}

static Status load(Loader *loader, ElfSymbol *symbols, int symbol_count) {
    Elf64_Ehdr header;
    TRY(read_header(loader, &header));
    TRY(read_sections(loader, &header));
    TRY(read_symbol_table(loader));
    TRY(place_sections(loader));
    TRY(fill_image(loader));
    TRY(relocate_all(loader));
    for (int i = 0; i < symbol_count; i++)
        TRY(find_symbol(loader, &symbols[i]));
    return protect(loader);
}

Status elf_load(Ctx *ctx, const uint8_t *object, size_t size, ElfSymbol *symbols, int symbol_count, ElfImage *image) {
    Loader       loader = {.ctx = ctx, .object = object, .size = size};
    const Status status = load(&loader, symbols, symbol_count);
    *image = (ElfImage){loader.base, loader.base ? loader.ends[GROUP_DATA] : 0};
    if (status != ST_OK)
        elf_unload(image);
    free(loader.sections);
    return status;
}

void elf_unload(ElfImage *image) {
    if (image->base)
        munmap(image->base, image->size);
    *image = (ElfImage){NULL, 0};
}
