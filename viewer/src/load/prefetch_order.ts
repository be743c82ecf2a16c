/**
 * Which images of a series to load, the most urgent first: the current one, then outward, two in
 * the direction of travel for each one behind.
 *
 * @param current index of the image wanted now.
 * @param count images of the series.
 * @param direction 1 or -1, where the reader is heading.
 * @param limit how many indices to name at most.
 * @returns distinct indices, `current` first.
 */
export function prefetchOrder(
  current: number,
  count: number,
  direction: 1 | -1,
  limit: number,
): number[] {
  const order = count > 0 ? [current] : [];
  let ahead = 1;
  let behind = 1;
  const take = (index: number) => {
    if (index >= 0 && index < count) order.push(index);
  };
  while (order.length < Math.min(count, limit)) {
    take(current + direction * ahead++);
    take(current + direction * ahead++);
    take(current - direction * behind++);
  }
  return order.slice(0, Math.max(limit, 0));
}
