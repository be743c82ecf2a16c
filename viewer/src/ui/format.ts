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

/** "1 image", "400 images". */
export function counted(count: number, one: string): string {
  return `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;
}
