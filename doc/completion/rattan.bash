# bash completion for rattan. Made by 'rattan help --completion bash'.
_rattan() {
    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" words=""
    case "$previous" in
        --target) COMPREPLY=($(compgen -W "$(rattan targets 2>/dev/null | cut -d" " -f1)" -- "$current")); return ;;
        --kind) COMPREPLY=($(compgen -W "forward decode extend backward" -- "$current")); return ;;
        --targets) COMPREPLY=($(compgen -W "$(rattan targets 2>/dev/null | cut -d" " -f1)" -- "$current")); return ;;
        --kinds) COMPREPLY=($(compgen -W "forward decode extend backward" -- "$current")); return ;;
        --dtype) COMPREPLY=($(compgen -W "fp32 bf16 fp16" -- "$current")); return ;;
        --with) COMPREPLY=($(compgen -W "packed lse final-state parts saved" -- "$current")); return ;;
        --emit) COMPREPLY=($(compgen -W "loop-ir tile-ir schedule llvm asm obj cuda ptx cubin sass resources code all" -- "$current")); return ;;
        --dump-after) COMPREPLY=($(compgen -W "all $(rattan passes 2>/dev/null | cut -d" " -f1)" -- "$current")); return ;;
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "compile run check bench explain explore aot tune db passes targets doctor cache help --help --version" -- "$current"))
        return
    fi
    case "${COMP_WORDS[1]}" in
        compile) words="--target --kind --shape --schedule --dtype --set --item --threads --with --emit --dump-after --output --no-cache --no-tuning --json --help " ;;
        run) words="--target --kind --shape --schedule --dtype --set --item --threads --with --output --input --no-cache --no-tuning --help " ;;
        check) words="--target --kind --shape --schedule --dtype --set --item --threads --with --vectors --repeats --magnitude --seed --no-cache --no-tuning --json --help " ;;
        bench) words="--target --kind --shape --schedule --dtype --set --item --threads --with --seed --reps --dense --compile-times --no-cache --no-tuning --json --help " ;;
        explain) words="--target --kind --shape --schedule --dtype --set --item --threads --with --no-tuning --json --help " ;;
        explore) words="--target --budget --windows --contexts --maps --dtype --set --item --threads --output --no-cache --no-tuning --json --help " ;;
        aot) words="--targets --kinds --name --check --linker --shapes --schedule --dtype --set --item --threads --output --seed --no-cache --no-tuning --json --help " ;;
        tune) words="--target --kind --budget --shapes --shard --jobs --dtype --set --item --threads --with --seed --json --help " ;;
        db) words="--target --kind --shape --dtype --set --item --threads --with --output --older-than --other-builds --failures --best --json --help list explain export import merge pack prune" ;;
        passes) words="--json --help " ;;
        targets) words="--json --help " ;;
        doctor) words="--json --help " ;;
        cache) words="--max-size --json --help info clear gc" ;;
        help) words="--help " ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))
}
complete -o filenames -F _rattan rattan
