/* Relocations of x86-64 and aarch64: how an address is put into code and data.
 *
 * In:  a fixup: the place, the kind, S, A and the symbol's slot in the offset table.
 * Out: the patched bytes; ST_INTEGRITY for a kind that is not known here or a value that does not fit.
 * Always: no byte outside `room` is read or written. The formulas are those of the System V ABI supplements ("ELF for
 *      the Arm 64-bit Architecture", "System V ABI, AMD64 Supplement"). Both machines are compiled in everywhere, so
 *      that both can be tested everywhere. */
#include "runtime/elf_loader.h"

#include <elf.h>
#include <string.h>

static Status unknown(Ctx *ctx, const char *machine, const ElfFixup *fixup) {
    return ctx_fail(ctx, ST_INTEGRITY, "code", "compile it again with this version",
                    "relocation %u of %s is not known to the loader", fixup->type, machine);
}

static Status too_far(Ctx *ctx, const ElfFixup *fixup) {
    return ctx_fail(ctx, ST_INTEGRITY, "code", NULL, "the value of a relocation (type %u) does not fit", fixup->type);
}

static Status too_short(Ctx *ctx, const ElfFixup *fixup) {
    return ctx_fail(ctx, ST_INTEGRITY, "code", NULL, "a relocation (type %u) reaches past its section", fixup->type);
}

/* Whether a value fits a signed field of so many bits. */
static bool fits(int64_t value, int bits) {
    const int64_t limit = INT64_C(1) << (bits - 1);
    return value >= -limit && value < limit;
}

static Status put64(Ctx *ctx, const ElfFixup *fixup, uint64_t value) {
    if (fixup->room < sizeof value)
        return too_short(ctx, fixup);
    memcpy(fixup->place, &value, sizeof value);
    return ST_OK;
}

static Status put32(Ctx *ctx, const ElfFixup *fixup, int64_t value, bool in_range) {
    const uint32_t bits = (uint32_t)value;
    if (fixup->room < sizeof bits)
        return too_short(ctx, fixup);
    if (!in_range)
        return too_far(ctx, fixup);
    memcpy(fixup->place, &bits, sizeof bits);
    return ST_OK;
}

/* ---- x86-64 ---------------------------------------------------------------------------------------------------- */
static bool x86_needs_got(uint32_t type) {
    return type == R_X86_64_GOTPCREL || type == R_X86_64_GOTPCRELX || type == R_X86_64_REX_GOTPCRELX;
}

static Status x86_apply(Ctx *ctx, const ElfFixup *fixup) {
    const int64_t absolute = (int64_t)(fixup->symbol + (uint64_t)fixup->addend);
    const int64_t relative = absolute - (int64_t)(uintptr_t)fixup->place;
    const int64_t slot = (int64_t)(fixup->got + (uint64_t)fixup->addend) - (int64_t)(uintptr_t)fixup->place;
    switch (fixup->type) {
    case R_X86_64_NONE: return ST_OK;
    case R_X86_64_64: return put64(ctx, fixup, (uint64_t)absolute);
    case R_X86_64_PC64: return put64(ctx, fixup, (uint64_t)relative);
    case R_X86_64_PC32:
    case R_X86_64_PLT32: return put32(ctx, fixup, relative, fits(relative, 32));
    case R_X86_64_32S: return put32(ctx, fixup, absolute, fits(absolute, 32));
    case R_X86_64_32: return put32(ctx, fixup, absolute, (uint64_t)absolute <= UINT32_MAX);
    case R_X86_64_GOTPCREL:
    case R_X86_64_GOTPCRELX:
    case R_X86_64_REX_GOTPCRELX: return put32(ctx, fixup, slot, fits(slot, 32));
    default: return unknown(ctx, "x86-64", fixup);
    }
}

/* jmp *0(%rip), then the address. */
static void x86_stub(uint8_t out[ELF_STUB_BYTES], uint64_t target) {
    static const uint8_t JUMP[6] = {0xFF, 0x25, 0, 0, 0, 0};
    memset(out, 0xCC, ELF_STUB_BYTES);
    memcpy(out, JUMP, sizeof JUMP);
    memcpy(out + sizeof JUMP, &target, sizeof target);
}

/* ---- aarch64 --------------------------------------------------------------------------------------------------- */
static bool arm_needs_got(uint32_t type) {
    return type == R_AARCH64_ADR_GOT_PAGE || type == R_AARCH64_LD64_GOT_LO12_NC;
}

/* Replaces `width` bits of an instruction from bit `low` on. */
static Status put_field(Ctx *ctx, const ElfFixup *fixup, uint32_t value, int low, int width) {
    uint32_t       word;
    const uint32_t mask = ((1u << width) - 1) << low;
    if (fixup->room < sizeof word)
        return too_short(ctx, fixup);
    memcpy(&word, fixup->place, sizeof word);
    word = (word & ~mask) | (value << low & mask);
    memcpy(fixup->place, &word, sizeof word);
    return ST_OK;
}

static Status put_branch(Ctx *ctx, const ElfFixup *fixup, int64_t distance) {
    if (distance % 4 != 0 || !fits(distance, 28))
        return too_far(ctx, fixup);
    return put_field(ctx, fixup, (uint32_t)(distance >> 2), 0, 26);
}

/* ADRP: the distance in 4 KiB pages; its low two bits are apart from the rest. */
static Status put_page(Ctx *ctx, const ElfFixup *fixup, uint64_t target) {
    const uint64_t mask = ~UINT64_C(4095);
    const int64_t  pages = ((int64_t)(target & mask) - (int64_t)((uintptr_t)fixup->place & mask)) >> 12;
    if (!fits(pages, 21))
        return too_far(ctx, fixup);
    TRY(put_field(ctx, fixup, (uint32_t)pages & 3, 29, 2));
    return put_field(ctx, fixup, (uint32_t)(pages >> 2), 5, 19);
}

/* The low 12 bits of an address, in units of the access size. */
static Status put_low(Ctx *ctx, const ElfFixup *fixup, uint64_t target, int scale) {
    const uint32_t low = (uint32_t)target & 4095;
    if (low & ((1u << scale) - 1))
        return too_far(ctx, fixup);
    return put_field(ctx, fixup, low >> scale, 10, 12);
}

static Status arm_apply(Ctx *ctx, const ElfFixup *fixup) {
    const uint64_t absolute = fixup->symbol + (uint64_t)fixup->addend;
    const int64_t  relative = (int64_t)absolute - (int64_t)(uintptr_t)fixup->place;
    switch (fixup->type) {
    case R_AARCH64_NONE: return ST_OK;
    case R_AARCH64_ABS64: return put64(ctx, fixup, absolute);
    case R_AARCH64_PREL64: return put64(ctx, fixup, (uint64_t)relative);
    case R_AARCH64_PREL32: return put32(ctx, fixup, relative, fits(relative, 32));
    case R_AARCH64_CALL26:
    case R_AARCH64_JUMP26: return put_branch(ctx, fixup, relative);
    case R_AARCH64_ADR_PREL_PG_HI21: return put_page(ctx, fixup, absolute);
    case R_AARCH64_ADD_ABS_LO12_NC:
    case R_AARCH64_LDST8_ABS_LO12_NC: return put_low(ctx, fixup, absolute, 0);
    case R_AARCH64_LDST16_ABS_LO12_NC: return put_low(ctx, fixup, absolute, 1);
    case R_AARCH64_LDST32_ABS_LO12_NC: return put_low(ctx, fixup, absolute, 2);
    case R_AARCH64_LDST64_ABS_LO12_NC: return put_low(ctx, fixup, absolute, 3);
    case R_AARCH64_LDST128_ABS_LO12_NC: return put_low(ctx, fixup, absolute, 4);
    case R_AARCH64_ADR_GOT_PAGE: return put_page(ctx, fixup, fixup->got);
    case R_AARCH64_LD64_GOT_LO12_NC: return put_low(ctx, fixup, fixup->got, 3);
    default: return unknown(ctx, "aarch64", fixup);
    }
}

/* ldr x16, .+8; br x16; then the address. */
static void arm_stub(uint8_t out[ELF_STUB_BYTES], uint64_t target) {
    static const uint32_t JUMP[2] = {0x58000050, 0xD61F0200};
    memcpy(out, JUMP, sizeof JUMP);
    memcpy(out + sizeof JUMP, &target, sizeof target);
}

static const ElfMachine MACHINES[] = {
    {EM_X86_64, "x86-64", x86_needs_got, x86_apply, x86_stub},
    {EM_AARCH64, "aarch64", arm_needs_got, arm_apply, arm_stub},
};

const ElfMachine *elf_machine(uint16_t id) {
    for (size_t m = 0; m < sizeof MACHINES / sizeof *MACHINES; m++)
        if (MACHINES[m].id == id)
            return &MACHINES[m];
    return NULL;
}

uint16_t elf_host_machine(void) {
#if defined __x86_64__
    return EM_X86_64;
#elif defined __aarch64__
    return EM_AARCH64;
#else
    return EM_NONE;
#endif
}
