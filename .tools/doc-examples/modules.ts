/**
 * Turns examples into modules: written to .cache/doc-examples, type-checked as one program, imported and compared
 * with what they say they print. A module is padded so that its line numbers are those of the document.
 */
import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { format } from 'node:util'
import ts from 'typescript'
import { packageFolders, readManifest, root } from '../packages.mjs'
import type { Example } from './extract.ts'

const EXPECTED = /\/\/ => ?(.*)$/

/** Where the modules of a set of examples live; node_modules beside them has every package by its name. */
function moduleFolder(set: string): string {
  return join(root, '.cache/doc-examples', set)
}

/** Writes the examples and returns the module of each. */
export function writeModules(set: string, examples: readonly Example[]): Map<Example, string> {
  const folder = moduleFolder(set)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  linkPackages(join(folder, 'node_modules'))
  return new Map(
    examples.map((example) => {
      const module = join(folder, `${example.file.replace(/[^\w]+/g, '-')}-${example.line}.ts`)
      writeFileSync(module, `${'\n'.repeat(example.line - 1)}${example.code}\n`)
      return [example, module]
    }),
  )
}

/** An example may import our packages and whatever one of them depends on. */
function linkPackages(folder: string): void {
  for (const from of packageFolders()) {
    link(join(folder, readManifest(from).name), join(root, from))
    const modules = join(root, from, 'node_modules')
    if (!existsSync(modules)) continue
    for (const name of installedIn(modules)) link(join(folder, name), realpathSync(join(modules, name)))
  }
}

function installedIn(modules: string): string[] {
  return readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => {
      return name.startsWith('@') ? readdirSync(join(modules, name)).map((sub) => `${name}/${sub}`) : [name]
    })
}

function link(path: string, target: string): void {
  if (existsSync(path)) return
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(target, path)
}

/** Type errors by module, each as `file:line message`. The packages' own sources are not reported here. */
export function typeErrors(modules: ReadonlyMap<Example, string>): Map<Example, string[]> {
  const program = ts.createProgram([...modules.values()], compilerOptions())
  return new Map(
    [...modules].map(([example, module]) => {
      const source = program.getSourceFile(module)!
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
      return [
        example,
        found.map(({ start, messageText }) => {
          const line = source.getLineAndCharacterOfPosition(start ?? 0).line + 1
          return `${example.file}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
        }),
      ]
    }),
  )
}

function compilerOptions(): ts.CompilerOptions {
  const path = join(root, 'tsconfig.base.json')
  const { config } = ts.readConfigFile(path, ts.sys.readFile)
  return {
    ...ts.convertCompilerOptionsFromJson(config.compilerOptions, root).options,
    // What an example leaves unused or unannotated is for its reader's sake.
    composite: false,
    declaration: false,
    emitDeclarationOnly: false,
    isolatedDeclarations: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    noEmit: true,
    moduleDetection: ts.ModuleDetectionKind.Force,
  }
}

/** Runs a module and compares what it prints with its `// =>` comments, if it has any. */
export async function runProblems(example: Example, module: string): Promise<string[]> {
  const printed: string[] = []
  const log = console.log
  console.log = (...values: unknown[]) => printed.push(...format(...values).split('\n'))
  try {
    await import(/* @vite-ignore */ module)
    await new Promise((resolve) => setImmediate(resolve))
  } catch (error) {
    return [`${example.file}:${lineOf(error, module) ?? example.line} throws ${String(error)}`]
  } finally {
    console.log = log
  }
  return outputProblems(example, printed)
}

/** The line of the first stack frame that is in the module. */
function lineOf(error: unknown, module: string): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  return stack
    .split('\n')
    .find((frame) => frame.includes(module))
    ?.match(/:(\d+):\d+\)?$/)?.[1]
}

function outputProblems(example: Example, printed: readonly string[]): string[] {
  const expected = example.code.split('\n').flatMap((text, index) => {
    const match = EXPECTED.exec(text)
    return match ? [{ line: example.line + index, text: match[1]!.trimEnd() }] : []
  })
  if (expected.length === 0) return []
  const wrong = expected.findIndex(({ text }, index) => printed[index]?.trimEnd() !== text)
  if (wrong >= 0) {
    const { line, text } = expected[wrong]!
    const found = wrong < printed.length ? `prints "${printed[wrong]}"` : 'prints nothing more'
    return [`${example.file}:${line} should print "${text}", but ${found}`]
  }
  const rest = printed.slice(expected.length)
  return rest.length === 0
    ? []
    : [`${example.file}:${example.line} also prints "${rest[0]}", not in any // =>`]
}
