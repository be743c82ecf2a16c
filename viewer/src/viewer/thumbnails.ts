/** Addresses of thumbnails, which a browser asks for again only where they are other ones. */

import type { SeriesSummary, StudyContents } from "../api/model";

let renewals = 0;

function renewed(series: SeriesSummary): SeriesSummary {
  if (!series.thumbnail) return series;
  return { ...series, thumbnail: `${series.thumbnail}?renewal=${++renewals}` };
}

/**
 * A study as it is now, with other addresses for those thumbnails that may be other pictures now.
 *
 * @param was the study as it was before, if it was here.
 * @param onlyGrew whether objects have come, and none has been replaced or deleted: a series that
 * counts as many as before has its picture still.
 */
export function withThumbnails(
  is: StudyContents,
  was: StudyContents | undefined,
  onlyGrew: boolean,
): StudyContents {
  const before = new Map(was?.series.map((series) => [series.uid, series]));
  const series = is.series.map((each) => {
    const known = before.get(each.uid);
    const isSame = onlyGrew && known?.instanceCount === each.instanceCount;
    return isSame && known ? { ...each, thumbnail: known.thumbnail } : renewed(each);
  });
  return { ...is, series };
}
