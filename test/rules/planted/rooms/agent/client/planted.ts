/** Planted: a push through the agent loads no more than it needs. */
export { readControlFile } from '../../postgres/cluster/control-file.ts';
