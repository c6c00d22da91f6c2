/**
 * What EC2 says about a target, for the VPC of one table:
 * - `alive`: it can carry traffic of this VPC, as far as EC2 knows. That is no health check of the machine behind it;
 * - `dead`: EC2 shows it in another state, without an attachment to this VPC, or not at all;
 * - `unaskable`: EC2 has no call that shows the state of this kind of target.
 */
export type Health = 'alive' | 'dead' | 'unaskable';
