/** Runs queued deployments: claims in order, one per concurrency group, and owns cancelling. */
export type Worker = {
  /** queued: ended at once; running: told to stop, ends within the kill grace. */
  cancel(id: number): Promise<'cancelled' | 'cancelling' | 'done' | 'not_found'>
}
