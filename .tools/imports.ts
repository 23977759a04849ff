/** The imports of a TypeScript file, as they are written. */
import ts from 'typescript'

export interface Import {
  /** What stands between the quotes. */
  readonly name: string
  readonly line: number
  /** `import type`, `export type`, `typeof import('x')`: nothing is left of it when the file runs. */
  readonly typeOnly: boolean
}

/** `import ... from 'x'`, `export ... from 'x'`, `import('x')` and `typeof import('x')`, in order. */
export function importsOf(source: ts.SourceFile): Import[] {
  const found: Import[] = []
  for (const node of descendants(source)) {
    const name = moduleName(node)
    if (name === undefined || !ts.isStringLiteral(name)) continue
    const line = source.getLineAndCharacterOfPosition(name.getStart(source)).line + 1
    found.push({ name: name.text, line, typeOnly: isTypeOnly(node) })
  }
  return found
}

/** Every node below one, parents before children. */
export function* descendants(node: ts.Node): Iterable<ts.Node> {
  const children: ts.Node[] = []
  ts.forEachChild(node, (child) => {
    children.push(child)
  })
  for (const child of children) {
    yield child
    yield* descendants(child)
  }
}

export function parse(file: string, text: string): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true)
}

function moduleName(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return node.argument.literal
  if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.ImportKeyword) return undefined
  return node.arguments[0]
}

function isTypeOnly(node: ts.Node): boolean {
  if (ts.isImportDeclaration(node)) return node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
  return ts.isImportTypeNode(node) || (ts.isExportDeclaration(node) && node.isTypeOnly)
}
