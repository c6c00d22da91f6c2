import type { Command, Option } from 'commander';
import type { Terminal } from './terminal.ts';

/** The shells for which there is a script. */
export type Shell = 'bash' | 'zsh' | 'fish';

/** `routectl completion`: prints the script with which a shell completes the commands and options of a program. */
export function completion(shell: Shell, program: Command, { print }: Pick<Terminal, 'print'>): void {
  print(scripts[shell](program.name(), program.createHelp().visibleCommands(program)).trim());
}

const scripts: Readonly<Record<Shell, (name: string, commands: readonly Command[]) => string>> = { bash, zsh, fish };

const optionsOf = (command: Command): readonly Option[] => command.createHelp().visibleOptions(command);

/** The spellings of an option: `-f` and `--file`. */
const flagsOf = ({ short, long }: Option): readonly string[] => [short, long].filter((flag) => flag !== undefined);

const takesValue = ({ required, optional }: Option): boolean => required || optional;

/** Whether the value of an option is a file, as its placeholder says. */
const takesFile = ({ flags }: Option): boolean => /<(files?|folder)\b/.test(flags);

/** The values that the first argument of a command can have, if they are known. */
const choicesOf = (command: Command): readonly string[] => command.registeredArguments[0]?.argChoices ?? [];

// ── bash ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Runs in bash 3.2, which macOS has, and without the package bash-completion. Without an answer, bash completes files. */
function bash(name: string, commands: readonly Command[]): string {
  const values = commands.flatMap((command) =>
    optionsOf(command).flatMap((option) => {
      if (!takesValue(option)) return [];
      const patterns = flagsOf(option).map((flag) => `'${command.name()} ${flag}'`);
      return `    ${patterns.join(' | ')}) words='${(option.argChoices ?? []).join(' ')}' ;;`;
    }),
  );
  const others = commands.map((command) => {
    const flags = optionsOf(command).flatMap(({ long }) => long ?? []);
    return `    '${command.name()} -') words='${flags.join(' ')}' ;;\n    '${command.name()} ') words='${choicesOf(command).join(' ')}' ;;`;
  });
  const names = commands.map((command) => command.name());
  return `
# Completion for ${name} in bash. In ~/.bashrc: source <(${name} completion bash)
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words=''
  COMPREPLY=()
  # bash splits --option=value into three words.
  if [[ $cur == '=' ]]; then cur=''; elif [[ $prev == '=' ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if (( COMP_CWORD == 1 )); then
    words='${names.join(' ')}'
    if [[ $cur == -* ]]; then words='--version --help'; fi
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    return
  fi
  case "\${COMP_WORDS[1]} $prev" in
${values.join('\n')}
    *)
      local kind=''
      if [[ $cur == -* ]]; then kind='-'; fi
      case "\${COMP_WORDS[1]} $kind" in
${others.join('\n').replace(/^/gm, '    ')}
      esac ;;
  esac
  if [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$cur")); fi
}
complete -o default -F _${name} ${name}
`;
}

// ── zsh ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function zsh(name: string, commands: readonly Command[]): string {
  const described = commands.map((command) => `    ${quoted(`${command.name()}:${command.summary()}`)}`);
  const cases = commands.map((command) => {
    const specs = [...optionsOf(command).flatMap(zshOption), zshArguments(command)];
    return `    ${command.name()})\n      _arguments ${specs.map(quoted).join(' \\\n        ')} ;;`;
  });
  return `
#compdef ${name}
# Completion for ${name} in zsh. In ~/.zshrc, after compinit: source <(${name} completion zsh)
_${name}() {
  local -a commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
if [[ $funcstack[1] == _${name} ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

/** Every option may be repeated: some take several values that way. */
function zshOption(option: Option): readonly string[] {
  const about = option.description.replace(/[[\]\\]/g, '\\$&');
  const choices = option.argChoices ? `(${option.argChoices.join(' ')})` : takesFile(option) ? '_files' : ' ';
  return flagsOf(option).map((flag) => `*${flag}[${about}]${takesValue(option) ? `:value:${choices}` : ''}`);
}

function zshArguments(command: Command): string {
  const choices = choicesOf(command);
  return choices.length > 0 ? `1:value:(${choices.join(' ')})` : '*:argument:_default';
}

// ── fish ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function fish(name: string, commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => {
    const line = `complete -c ${name} -n '__fish_seen_subcommand_from ${command.name()}'`;
    const choices = choicesOf(command);
    return [
      `complete -c ${name} -n __fish_use_subcommand -f -a ${command.name()} -d ${quotedForFish(command.summary())}`,
      ...(choices.length > 0 ? [`${line} -f -a '${choices.join(' ')}'`] : []),
      ...optionsOf(command).map((option) => {
        const short = option.short ? ` -s ${option.short.slice(1)}` : '';
        const long = option.long ? ` -l ${option.long.slice(2)}` : '';
        return `${line}${short}${long}${fishValue(option)} -d ${quotedForFish(option.description)}`;
      }),
    ];
  });
  return `
# Completion for ${name} in fish. In ~/.config/fish/config.fish: ${name} completion fish | source
${lines.join('\n')}
`;
}

function fishValue(option: Option): string {
  if (!takesValue(option)) return '';
  if (option.argChoices) return ` -x -a '${option.argChoices.join(' ')}'`;
  return takesFile(option) ? ' -r -F' : ' -x';
}

const quotedForFish = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
