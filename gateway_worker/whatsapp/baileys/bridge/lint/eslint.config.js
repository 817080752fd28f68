/** What TypeScript's own checks leave open: floating promises, `any` that spreads, conditions that are always so. */
import tseslint from 'typescript-eslint'

export default tseslint.config({
  files: ['**/*.ts'],
  extends: [tseslint.configs.strictTypeChecked],
  languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: `${import.meta.dirname}/..` } },
  rules: {
    // `() => queue.push(x)` and `return pass()` read as they are meant
    '@typescript-eslint/no-confusing-void-expression': 'off',
    // Baileys' versions are a record by name
    '@typescript-eslint/no-dynamic-delete': 'off',
    // numbers in words for people
    '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    // what an interface wants as a promise
    '@typescript-eslint/require-await': 'off',
    // `_name` says that a place has to be there
    '@typescript-eslint/no-unused-vars': [
      'error',
      { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_', ignoreRestSiblings: true }
    ]
  }
})
