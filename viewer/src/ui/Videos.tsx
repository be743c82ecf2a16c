import { useSignal } from "@preact/signals";
import { Icon } from "./icons";

/** One video, played by the browser where it knows the format; else said, with a way to save it. */
function Video({ url, name }: { url: string; name: string }) {
  const failed = useSignal(false);
  return (
    <figure class="video">
      {failed.value ? (
        <p role="alert"><Icon name="warning" /> {name} cannot be played by this browser: its format is none that it knows.</p>
      ) : (
        <video
          src={url}
          controls
          preload="metadata"
          aria-label={name}
          onError={() => {
            failed.value = true;
          }}
        />
      )}
      <figcaption><a href={url} download>Save {name.toLowerCase()} as it is stored</a></figcaption>
    </figure>
  );
}

/** The videos of a series, in place of images. */
export function Videos({ urls }: { urls: readonly string[] }) {
  const name = (index: number) => (urls.length > 1 ? `Video ${index + 1}` : "Video");
  return (
    <div class="videos">
      {urls.map((url, index) => <Video key={url} url={url} name={name(index)} />)}
    </div>
  );
}
