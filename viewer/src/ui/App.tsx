import { StudyList } from "./StudyList";
import { ViewerPage } from "./ViewerPage";
import { route } from "./router";

export function App() {
  const at = route.value;
  if (at.kind === "list") return <StudyList key={at.visit} query={at.query} />;
  return <ViewerPage key={`${at.studies} ${at.series}`} studies={at.studies} series={at.series} />;
}
