/** Planted: the agent uses workers, and not the other way round. */
export const agent = () => import('../agent/agent.ts');
