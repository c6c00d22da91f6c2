import { slotAt } from '../../support/ec2/world.ts';
import { callOf } from '../calls.ts';
import type { Cloud } from '../cloud.ts';
import type { Spec } from '../oracle.ts';
import type { Random } from '../random.ts';

const second = 1_000;

/** An interface in use, one of another account, a detached one, and one whose instance is terminated later. */
const interfaces = { own: 'eni-aaaaaaaa', foreign: 'eni-fffffff1', detached: 'eni-eeeeeee1', node: 'eni-eeeeeee2' };
const halves = ['0.0.0.0/1', '128.0.0.0/1'];
const publicPlaces = [...halves, '198.51.100.0/24', '2001:db8:9::/48'];
const privatePlaces = ['10.200.7.0/24', '10.201.0.0/16', '100.64.3.0/24', '192.168.99.0/24', 'fd00:9::/48'];
const marks = ['kubernetes.io/cluster/x', 'KubernetesCluster', 'AmazonFSx'];
const gateways = ['igw-aaaaaaaa', 'nat-bbbbbbbb', 'tgw-aaaaaaaa', 'pcx-aaaaaaaa'];

/** Attackers who may call the route APIs and tag tables, and services and tools whose calls look the same. */
export class Attack {
  readonly #cloud: Cloud;
  readonly #random: Random;

  constructor(cloud: Cloud, random: Random) {
    this.#cloud = cloud;
    this.#random = random;
  }

  prepare(): void {
    const { scenery } = this.#cloud.ec2;
    scenery.foreignInterface(interfaces.foreign);
    scenery.interface(interfaces.detached);
    scenery.interface(interfaces.node, { instanceId: 'i-eeeeeee2' });
  }

  act(routeTableId: string, spec: Spec): void {
    const acts: readonly (() => void)[] = [
      () => this.#flood(routeTableId),
      () => this.#hijack(routeTableId),
      () => this.#hang(routeTableId),
      () => this.#steal(routeTableId, spec),
      () => this.#retargetLocal(routeTableId),
      () => this.#failOver(routeTableId),
      () => this.#endNode(routeTableId),
    ];
    this.#random.pick(acts)();
  }

  /** Creates many routes within 20 seconds. */
  #flood(routeTableId: string): void {
    const random = this.#random;
    const target = random.pick([...Object.values(interfaces), ...gateways]);
    const count = random.between(5, 20);
    const blockOf = random.pick([(n: number) => `198.51.${n}.0/24`, (n: number) => `10.202.${n}.0/24`]);
    for (let n = 0; n < count; n++)
      this.#after(random.between(0, 20 * second), () => this.#create(routeTableId, blockOf(n), target));
  }

  /** Leads all traffic that leaves the VPC to an interface, usually in a table with the tag of a service. */
  #hijack(routeTableId: string): void {
    const random = this.#random;
    if (random.chance(0.7)) this.#mark(routeTableId);
    const places = random.chance(0.6) ? halves : [random.pick([...publicPlaces, ...privatePlaces])];
    for (const place of places)
      this.#after(random.between(0, 5 * second), () =>
        this.#create(routeTableId, place, random.pick([interfaces.own, interfaces.foreign])),
      );
  }

  /** Creates a route to a detached interface, and may attach the interface later. */
  #hang(routeTableId: string): void {
    const random = this.#random;
    this.#create(routeTableId, random.pick([...privatePlaces, ...publicPlaces]), interfaces.detached);
    if (random.chance(0.5))
      this.#after(random.between(5, 90) * second, () => {
        const ownerId = random.chance(0.3) ? 'amazon-aws' : undefined;
        const { scenery } = this.#cloud.ec2;
        scenery.interface(interfaces.detached, { instanceId: 'i-eeeeeee1', ...(ownerId && { ownerId }) });
        this.#cloud.watch.remarked();
        this.#cloud.history.note('mallory', 'attaches the detached interface', { ownerId });
      });
  }

  /** Leads a listed route to the interface of another account. */
  #steal(routeTableId: string, { routes }: Spec): void {
    const route = this.#random.maybe(routes.filter(({ overrideLocal }) => !overrideLocal));
    if (route) this.#replace(routeTableId, route.destination, interfaces.foreign);
  }

  #retargetLocal(routeTableId: string): void {
    this.#replace(routeTableId, '10.0.0.0/16', this.#random.pick([interfaces.own, interfaces.foreign]));
  }

  /** The owner of a route whose delete waits moves it to another target. */
  #failOver(routeTableId: string): void {
    const random = this.#random;
    const { watch, ec2 } = this.#cloud;
    const waiting = watch.facts(routeTableId).state?.status.plan?.blocked?.deletes ?? [];
    const table = ec2.world.tables.get(routeTableId);
    const route = random.maybe(waiting.filter(({ destination }) => table && slotAt(table, destination)));
    if (route) this.#replace(routeTableId, route.destination, random.pick([...Object.values(interfaces), ...gateways]));
    else this.#hijack(routeTableId);
  }

  /** Creates a route to a node, and terminates the node. Its route stays. */
  #endNode(routeTableId: string): void {
    const random = this.#random;
    this.#create(routeTableId, random.pick(privatePlaces), interfaces.node);
    this.#after(random.between(1, 60) * second, () => {
      this.#cloud.ec2.scenery.vanish(interfaces.node);
      this.#cloud.watch.remarked();
      this.#cloud.history.note('service', 'terminates a node');
    });
  }

  #mark(routeTableId: string): void {
    const mark = this.#random.pick(marks);
    if (!this.#cloud.ec2.world.tables.has(routeTableId)) return;
    this.#cloud.ec2.scenery.tag(routeTableId, { [mark]: '' });
    this.#cloud.history.note('mallory', `tags ${routeTableId}: ${mark}`);
  }

  #create(routeTableId: string, destination: string, target: string): void {
    this.#cloud.ec2
      .as('mallory')
      .createRoute(callOf(routeTableId, destination, target))
      .catch(() => {});
  }

  #replace(routeTableId: string, destination: string, target: string): void {
    this.#cloud.ec2
      .as('mallory')
      .replaceRoute(callOf(routeTableId, destination, target))
      .catch(() => {});
  }

  #after(ms: number, act: () => void): void {
    const { scheduler, faults } = this.#cloud;
    scheduler.at(scheduler.time + ms, () => {
      if (!faults.over) act();
    });
  }
}
