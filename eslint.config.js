import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/'] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // Compile-time assertions (`as`) hide what the compiler would find; `as const` is no assertion.
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      // Kubernetes field names such as `app.kubernetes.io/name` and index signatures want brackets.
      '@typescript-eslint/dot-notation': 'off',
      // A number in a message is as clear as a string in it.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Types of unions with several exported shapes read better as `type`.
      '@typescript-eslint/consistent-type-definitions': 'off',
    },
  },
  {
    files: ['test/**/*.ts'],
    // Vitest types its matchers (expect.stringContaining and the like) as any.
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off' },
  },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
);
