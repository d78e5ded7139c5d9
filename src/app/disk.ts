import type { Ledger } from '../ledger.ts'
import type { DeployMap } from '../model/deploy-map.ts'
import { createDiskFloor, type DiskFloor } from '../runner/disk-floor.ts'

const everyMs = 2_000

/** The floor under the disks of the state directory and of the apps, and what is wrong with them in sentences. */
export function openFloor({
  map,
  stateDirectory,
  ledger,
}: {
  readonly map: () => DeployMap
  readonly stateDirectory: string
  readonly ledger: Pick<Ledger, 'makeRoom' | 'makeRoomForDeliveries'>
}): {
  readonly floor: DiskFloor
  readonly diskProblems: (apps?: Iterable<{ readonly path: string }>) => Promise<readonly string[]>
} {
  const floor: DiskFloor = createDiskFloor({
    minFreeBytes: () => map().server.minFreeBytes,
    async makeRoom() {
      await ledger.makeRoom()
      const isShortOfRoom = (await floor.problems([stateDirectory])).length > 0
      if (isShortOfRoom) await ledger.makeRoomForDeliveries()
    },
    everyMs,
  })
  return {
    floor,
    diskProblems: (apps = map().apps.values()) =>
      floor.problems([stateDirectory, ...Array.from(apps, ({ path }) => path)]),
  }
}
