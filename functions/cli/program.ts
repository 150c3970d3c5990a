/** The command line: what there is, and what its help says. What a command does is loaded when it is called. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { runFunction } from '../functions.ts';
import { VERSION } from '../release.ts';
import { addServeCommand } from '../server/serve.ts';
import type { BootstrapOptions } from '../bootstrap/program.ts';
import type { DiffOptions } from './diff.ts';
import { EXIT, UserError, type Io } from './io.ts';
import type { RenderOptions } from './render.ts';

/** Runs one command line. @returns the exit code; undefined while a server goes on. */
export async function run(args: readonly string[], io: Io): Promise<number | undefined> {
  let code: number | undefined = EXIT.ok;
  const program = createProgram(io, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(commandLine(args), { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : usageCode(args);
    if (!(error instanceof UserError)) throw error;
    io.err.write(`${error.message}\n`);
    return error.exitCode === EXIT.usage ? usageCode(args) : error.exitCode;
  }
}

/** The exit code when the command line is wrong or a file cannot be read or written: `diff` keeps 2 for a loss. */
export function usageCode([command]: readonly string[]): number {
  return command === 'diff' ? EXIT.invalid : EXIT.usage;
}

/** The flags that the program itself has; any other at the beginning belongs to `serve`. */
const OWN_FLAGS = ['-h', '--help', '-V', '--version'];

/**
 * Flags without a command are those of a function, which Crossplane's users give to the image alone, such as `--debug`.
 * Source: crossplane v2.4.0 contributing/specifications/functions.md, Configuration, read 2026-11-21.
 */
function commandLine(args: readonly string[]): string[] {
  const [first = ''] = args;
  return first.startsWith('-') && !OWN_FLAGS.includes(first) ? ['serve', ...args] : [...args];
}

type Finish = (code: number | undefined) => void;

function createProgram(io: Io, finish: Finish): Command {
  const program = new Command('openova')
    .description('The OpenOva platform on Crossplane: see what a claim becomes, before it costs money')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showHelpAfterError('(openova --help says more)')
    .configureOutput({
      writeOut: (text) => {
        io.out.write(text);
      },
      writeErr: (text) => {
        io.err.write(text);
      },
      getOutHelpWidth: () => io.out.columns,
      getErrHelpWidth: () => io.err.columns,
      outputError: (text, write) => {
        write(text.replace(/^error: /, ''));
      },
    })
    .exitOverride();
  addRender(program, io, finish);
  addValidate(program, io, finish);
  addDiff(program, io, finish);
  addExplain(program, io, finish);
  addBootstrap(program, io, finish);
  addServeCommand(program, (request) => runFunction(request));
  const serve = program.commands.find((command) => command.name() === 'serve');
  serve?.hook('preAction', () => {
    finish(undefined);
  });
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}

const FILES = 'YAML or JSON files of claims; "-" is standard input';

function addRender(program: Command, io: Io, finish: Finish): void {
  program
    .command('render')
    .description('Show every object that claims become, wave by wave until all of it is ready')
    .argument('<file...>', FILES)
    .addOption(
      new Option(
        '-o, --output <format>',
        'how to print it; unless told, tree on a terminal and yaml elsewhere',
      ).choices(['tree', 'yaml', 'json']),
    )
    .option('--until <wave>', 'stop in this wave, or in the "first": what Crossplane makes at once', wave)
    .option('--observed <file>', 'objects that exist already, such as what kubectl get -o yaml prints')
    .option('--graph <file>', 'write a picture of the waves: .svg, or .html to look around in')
    .option('--export <folder>', 'write the input of `crossplane composition render` for every composite')
    .option('--live', 'print objects as they are at the end, with what others write: status, ids, results')
    .addHelpText(
      'after',
      `
Exit codes:
  0  everything becomes ready
  1  a claim is invalid
  2  a file cannot be read or written
  3  not everything becomes ready

Names are those of a cluster, but for five characters that Crossplane makes up:
a render always takes "local".

Examples:
  openova render examples/two-regions.yaml
  openova render claim.yaml -o yaml --until first
  openova render claim.yaml --graph waves.html
  openova render claim.yaml --observed existing.yaml
  openova render claim.yaml --until 3 --export renders

docs/ci.md says how to collect what exists, and how to run what is exported.`,
    )
    .action(async (files: string[], options: RenderOptions) => {
      const { render } = await import('./render.ts');
      finish(await render(files, options, io));
    });
}

function addValidate(program: Command, io: Io, finish: Finish): void {
  program
    .command('validate')
    .description('Check claims as the API server and the functions will: every mistake, with file and line')
    .argument('<file...>', FILES)
    .addHelpText(
      'after',
      `
Exit codes:
  0  all claims are valid
  1  some are not
  2  a file cannot be read

Examples:
  openova validate claim.yaml
  kubectl get openovaclusters,openovaregions -A -o yaml | openova validate -`,
    )
    .action(async (files: string[]) => {
      const { validate } = await import('./validate.ts');
      finish(await validate(files, io));
    });
}

function addDiff(program: Command, io: Io, finish: Finish): void {
  program
    .command('diff')
    .description(
      'Show what an edit of claims creates, changes in place and deletes, and what of it is refused',
    )
    .argument('<old>', 'the claims as they are')
    .argument('<new>', 'the claims as they shall be')
    .option('--observed <file>', 'objects that exist already; left out, what <old> becomes')
    .addHelpText(
      'after',
      `
Exit codes:
  0  nothing is lost
  1  an error, or a change that is refused
  2  a machine or data would go

Examples:
  openova diff claim.yaml claim-new.yaml
  git show HEAD:claim.yaml | openova diff - claim.yaml`,
    )
    .action(async (before: string, after: string, options: DiffOptions) => {
      const { diff } = await import('./diff.ts');
      finish(await diff(before, after, options, io));
    });
}

function addExplain(program: Command, io: Io, finish: Finish): void {
  program
    .command('explain')
    .description('Say what a field is: type, default, what a change of it does, and the fields below it')
    .argument('[kind.field]', 'a kind, or a field of it; left out, the kinds')
    .addHelpText(
      'after',
      `
Examples:
  openova explain
  openova explain OpenOvaCluster
  openova explain OpenOvaCluster.spec.regions.pools`,
    )
    .action(async (field: string | undefined) => {
      const { explain } = await import('./explain.ts');
      finish(explain(field, io));
    });
}

function addBootstrap(program: Command, io: Io, finish: Finish): void {
  program
    .command('bootstrap')
    .description(
      'Make a K3s cluster of bare machines over SSH, or do one step of it as the Jobs of a region do',
    )
    .requiredOption(
      '--config <file>',
      'a document of kind Bootstrap in YAML, or the input of one operation in JSON',
    )
    .option(
      '--uninstall <cluster>',
      'take the cluster down: K3s and its data go from every machine of the document; its metadata.name confirms it',
    )
    .addHelpText(
      'after',
      `
Exit codes:
  0  done
  1  a machine or a connection failed: try again
  2  what the document asks for is wrong, or refused
  3  a machine shows another host key than the one it is known by
  4  something did not come about in its time
  5  the cluster exists, and too few of its servers live

Examples:
  openova bootstrap --config docs/bootstrap.example.yaml
  openova bootstrap --config garage.yaml --uninstall garage

docs/bootstrap.md says what a machine needs, and what each step does.`,
    )
    .action(async (options: BootstrapOptions) => {
      const { bootstrap } = await import('../bootstrap/program.ts');
      finish(await bootstrap(options, io));
    });
}

function wave(text: string): number {
  if (text === 'first') return 1;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be "first" or the number of a wave, from 1.');
}
