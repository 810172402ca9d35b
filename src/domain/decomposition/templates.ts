import type { Capability } from '../../protocol/common/enums.ts';
import type { TaskTemplate, TemplatePart } from '../../protocol/workspace/task-template.ts';

/** The templates that every workspace has. */
export const BUILT_IN_TEMPLATES: readonly TaskTemplate[] = [
  {
    name: 'crud',
    triggers: ['crud', 'create read update delete', 'create read update and delete'],
    specificity: 60,
    raises_priority: false,
    parts: [
      part(
        'create',
        'Create',
        'Write the operation that creates a record, with its validation.',
        2,
        'backend_development',
      ),
      part('read', 'Read', 'Write the operations that read one record and list many.', 2, 'backend_development'),
      part(
        'update',
        'Update',
        'Write the operation that changes a record, with its validation.',
        2,
        'backend_development',
      ),
      part('delete', 'Delete', 'Write the operation that deletes a record.', 1, 'backend_development'),
      part('tests', 'Tests', 'Test all four operations, also with bad input and together.', 3, 'testing', [
        'create',
        'read',
        'update',
        'delete',
      ]),
    ],
  },
  {
    name: 'microservice',
    triggers: ['microservice', 'microservices', 'micro service', 'micro services'],
    specificity: 50,
    raises_priority: false,
    parts: [
      part(
        'auth',
        'Shared authentication',
        'Build the authentication that all services share.',
        4,
        'backend_development',
      ),
      part('database', 'Database', 'Design the databases of the services, and set them up.', 4, 'database_design'),
      part('gateway', 'Gateway', 'Build the gateway that routes requests to the services.', 4, 'api_development'),
      part('services', 'Services', 'Build the services on what they share.', 8, 'backend_development', [
        'auth',
        'database',
        'gateway',
      ]),
      part('integration', 'Integration', 'Connect the services, and test them together.', 4, 'testing', ['services']),
    ],
  },
  {
    name: 'security',
    triggers: [
      'security',
      'secure',
      'auth',
      'authentication',
      'authorization',
      'oauth',
      'oauth2',
      'login',
      'encryption',
      'access control',
      'vulnerability',
      'vulnerabilities',
      'hardening',
    ],
    specificity: 40,
    raises_priority: true,
    parts: chain(
      part(
        'design',
        'Security design',
        'Name what is to be protected and from whom, and design how.',
        3,
        'system_design',
      ),
      part('implementation', 'Implementation', 'Implement the design.', 6, 'code_generation'),
      part('testing', 'Security testing', 'Test it, also with what an attacker would send.', 3, 'testing'),
      part(
        'audit',
        'Audit',
        'Review the code and its configuration for weaknesses, and mend them.',
        2,
        'security_audit',
      ),
    ),
  },
  {
    name: 'refactoring',
    triggers: [
      'refactor',
      'refactors',
      'refactored',
      'refactoring',
      'restructure',
      'restructuring',
      'clean up',
      'cleanup',
      'technical debt',
      'tech debt',
    ],
    specificity: 30,
    raises_priority: false,
    parts: chain(
      part(
        'analysis',
        'Analysis',
        'Find what is to change, what depends on it, and what tests hold it.',
        1,
        'code_review',
      ),
      part('plan', 'Plan', 'Plan the steps, each of which keeps the tests green.', 2, 'architecture_planning'),
      part('execution', 'Execution', 'Carry out the plan.', 4, 'refactoring'),
      part('verification', 'Verification', 'Show that nothing behaves differently.', 2, 'testing'),
    ),
  },
  {
    name: 'ui',
    triggers: [
      'ui',
      'gui',
      'ux',
      'user interface',
      'frontend',
      'front end',
      'dashboard',
      'web page',
      'web pages',
      'landing page',
      'screen',
      'screens',
    ],
    specificity: 20,
    raises_priority: false,
    parts: [
      part('layout', 'Layout', 'Build the layout that all views share.', 3, 'frontend_development'),
      part('navigation', 'Navigation', 'Build the navigation between the views.', 2, 'frontend_development', [
        'layout',
      ]),
      part('forms', 'Forms', 'Build the forms, with their validation and errors.', 3, 'frontend_development', [
        'layout',
      ]),
      part('tables', 'Tables', 'Build the tables, with sorting and empty states.', 3, 'frontend_development', [
        'layout',
      ]),
      part('charts', 'Charts', 'Build the charts.', 3, 'frontend_development', ['layout']),
      part('accessibility', 'Accessibility', 'Check keyboard, contrast and labels, and mend them.', 2, 'testing', [
        'navigation',
        'forms',
        'tables',
        'charts',
      ]),
    ],
  },
  {
    name: 'web_service',
    triggers: [
      'web service',
      'web services',
      'web api',
      'rest api',
      'restful',
      'http api',
      'graphql',
      'api',
      'endpoint',
      'endpoints',
      'backend',
      'back end',
      'web app',
      'web application',
    ],
    specificity: 10,
    raises_priority: false,
    parts: chain(
      part('requirements', 'Requirements', 'Write down what the service must do.', 2, 'requirements_analysis'),
      part('design', 'Design', 'Design its interface, its data and its structure.', 4, 'system_design'),
      part('implementation', 'Implementation', 'Implement the design.', 8, 'code_generation'),
      part('testing', 'Testing', 'Test it, also with bad input.', 4, 'testing'),
      part('deployment', 'Deployment', 'Prepare how it is built, configured and deployed.', 2, 'deployment'),
    ),
  },
];

function part(
  name: string,
  title: string,
  description: string,
  hours: number,
  capability: Capability,
  depends_on: string[] = [],
): TemplatePart {
  return { name, title, description, hours, required_capabilities: [capability], depends_on };
}

/** Each part after the one before it. */
function chain(...parts: TemplatePart[]): TemplatePart[] {
  return parts.map((one, index) => (index === 0 ? one : { ...one, depends_on: [parts[index - 1]!.name] }));
}
