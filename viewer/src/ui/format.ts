/** Values of DICOM attributes as people read them. */

/** DA as 2024-03-11; anything else as it stands. */
export function formatDate(date: string): string {
  const match = /^(\d{4})[.-]?(\d{2})[.-]?(\d{2})$/.exec(date.trim());
  return match ? `${match[1]}-${match[2]}-${match[3]}` : date;
}

/** The hours and minutes of a TM; anything else as nothing. */
export function formatTime(time: string): string {
  const match = /^(\d{2}):?(\d{2})/.exec(time.trim());
  return match ? `${match[1]}:${match[2]}` : "";
}

/** A whole number with its thousands apart; the browser's own way loads its languages first. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1 image", "400 images". */
export function counted(count: number, one: string): string {
  return `${grouped(count)} ${one}${count === 1 ? "" : "s"}`;
}
