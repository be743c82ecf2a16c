/** What the server's viewer API answers: the study list and the resolved display model. */

export interface Study {
  uid: string;
  patientName: string;
  patientId: string;
  birthDate: string;
  sex: string;
  studyDate: string;
  studyTime: string;
  description: string;
  accession: string;
  modalities: string[];
  seriesCount: number;
  instanceCount: number;
}

export interface StudyPage {
  total: number;
  studies: Study[];
}

export interface SeriesSummary {
  uid: string;
  number: number | null;
  modality: string;
  description: string;
  bodyPart: string;
  instanceCount: number;
  frameCount: number;
  displayable: boolean;
  thumbnail: string | null;
  /** UIDs of objects that are videos. */
  videos?: string[];
}

export interface StudyContents {
  study: Study;
  series: SeriesSummary[];
  /** The display model of the first series that has images, where it was asked for. */
  display?: SeriesDisplay | null;
}

/** How one stored pixel lies in the bytes of a frame (little endian, row by row). */
export type PixelFormat =
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "float32"
  | "float64"
  | "rgb8";

/** A lookup table (PS3.3 C.11.1.1, C.11.2.1.1): `values` is base64 of little-endian 16-bit words. */
export interface LookupTable {
  type: "lut";
  first: number;
  bits: number;
  values: string;
  explanation?: string;
}

export type ModalityTransform =
  | { type: "linear"; slope: number; intercept: number; units?: string }
  | (LookupTable & { units?: string });

/** VOI LUT Function (0028,1056). */
export type WindowFunction = "LINEAR" | "LINEAR_EXACT" | "SIGMOID";

export interface Window {
  function: WindowFunction;
  center: number;
  width: number;
}

export interface OwnWindow extends Window {
  type: "window";
  explanation?: string;
}

export type VoiTransform = OwnWindow | LookupTable;

export interface Presentation {
  inverse?: boolean;
  lut?: { first?: number; bits: number; values: string } | null;
}

export interface Spacing {
  row: number;
  column: number;
  source: string;
  isReal: boolean;
}

/** A part of an ultrasound image, by its edges in pixels (PS3.3 C.8.5.5). */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** Height and width of its pixels in millimetres; null where an axis is no length. */
  readonly spacing: readonly [number, number] | null;
}

/**
 * Abbreviations of what lies towards the positive and negative end of the patient's x, y and z axis
 * (PS3.3 C.7.6.2.1.1); null where that is not known.
 */
export type Axes = readonly (readonly [string, string] | null)[];

/** Abbreviations of directions in the patient (PS3.3 C.7.6.1.1.1); empty where not known. */
export interface EdgeLetters {
  readonly left: string;
  readonly right: string;
  readonly top: string;
  readonly bottom: string;
}

export interface OverlayPlane {
  index: number;
  label: string;
  rows: number;
  columns: number;
  /** Row and column of the plane's first pixel, counted from 1 (6xxx,0050). */
  origin: [number, number];
  type: string;
  url: string;
}

/**
 * What is hidden (PS3.3 C.7.6.11): `runs` is base64 of little-endian 32-bit numbers, pixels hidden
 * and seen in turn, row by row.
 */
export interface Shutter {
  colour: [number, number, number];
  runs: string;
}

export interface DisplayModel {
  rows: number;
  columns: number;
  format: PixelFormat;
  bitsStored: number;
  signed: boolean;
  modality: ModalityTransform;
  voi: VoiTransform[];
  defaultWindow?: Window | null;
  presentation: Presentation;
  padding: { low: number; high: number } | null;
  spacing: Spacing | null;
  /** Pixel Aspect Ratio (0028,0034): vertical, horizontal. */
  aspect?: [number, number] | null;
  regions: readonly Region[];
  orientation: number[] | null;
  axes: Axes;
  frameOfReference: string | null;
  /** What lies at the edges of the stored image, where there is no plane or it does not tell. */
  patientOrientation?: EdgeLetters | null;
  overlays: OverlayPlane[];
  shutter?: Shutter | null;
  lossy: { ratio: number[]; method: string[] } | null;
  frameTime: number | null;
  recommendedFrameRate: number | null;
  /** Colours of the stored values from `first` on (PS3.3 C.7.6.19); base64 of RGB bytes. */
  supplementalPalette?: { first: number; colours: string } | null;
  /** What of the object could not be used, a sentence each. */
  problems?: string[];
}

export interface ImageEntry {
  instance: string;
  /** Frame number, counted from 1. */
  frame: number;
  /** Names the instance's bytes: other bytes have another version. */
  version: string;
  /** Index into the series' `models`. */
  model: number;
  number: number | null;
  position: [number, number, number] | null;
  sopClass: string;
  /** This image's own windows, where they differ from the model's. */
  window: (OwnWindow | LookupTable)[] | null;
}

export interface SeriesDisplay {
  study: string;
  series: string;
  modality: string;
  description: string;
  patient: { name: string; id: string; birthDate: string; sex: string };
  studyInfo: {
    date: string;
    time: string;
    description: string;
    institution: string;
    accession: string;
  };
  seriesNumber: number | null;
  models: DisplayModel[];
  images: ImageEntry[];
  /** What of the series is missing or at odds, in words. */
  problems?: string[];
}

/** One line of the tag table: a data element, its sequence depth in `level`. */
export interface TagRow {
  tag: string;
  keyword: string;
  name: string;
  vr: string;
  vm: number | string;
  value: string;
  level: number;
  length: number | null;
}

export type StudySortKey =
  | "patientName"
  | "patientId"
  | "studyDate"
  | "description"
  | "accession"
  | "modality"
  | "instanceCount";

export interface StudyQuery {
  patientName: string;
  patientId: string;
  dateFrom: string;
  dateTo: string;
  modality: string;
  accession: string;
  description: string;
  sort: StudySortKey;
  descending: boolean;
  page: number;
}
