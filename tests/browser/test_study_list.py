"""The study list in a browser: search, order, pages, arrivals, keyboard."""

import re

import httpx
import pytest
from dicomweb_client import DICOMwebClient
from playwright.sync_api import expect
from tests.browser import objects
from tests.running_server import wait_until


def rows(viewer):
    return viewer.page.locator("tbody tr")


def column(viewer, name: str) -> list[str]:
    return viewer.page.locator(f"tbody td.{name}").all_inner_texts()


@pytest.fixture
def studies(viewer):
    viewer.open("/")
    expect(rows(viewer)).to_have_count(50)
    return viewer


def test_the_newest_studies_come_first_a_page_at_a_time(studies):
    page = studies.page
    dates = column(studies, "date")
    assert dates == sorted(dates, reverse=True)
    expect(page.locator(".pager-text")).to_contain_text("1 – 50 of 112")
    page.get_by_label("Next page").click()
    expect(page.locator(".pager-text")).to_contain_text("51 – 100 of 112")
    page.get_by_label("Last page").click()
    expect(rows(studies)).to_have_count(12)
    assert "page=3" in page.url
    page.reload()
    expect(page.locator(".pager-text")).to_contain_text("101 – 112 of 112")
    expect(page.get_by_label("Next page")).to_be_disabled()


@pytest.mark.parametrize(
    ("field", "text", "count"),
    [
        ("Patient name", "jörg mül", 27),
        ("Patient ID", "LIST-04", 10),
        ("Accession", "ACC109", 1),
        ("Description", "abdomen", 37),
    ],
)
def test_typing_searches(studies, field, text, count):
    studies.page.get_by_label(field, exact=True).fill(text)
    expect(rows(studies)).to_have_count(count)
    studies.page.get_by_label("Clear the search").click()
    expect(rows(studies)).to_have_count(50)


def test_dates_and_modality_narrow_the_list(studies):
    page = studies.page
    page.get_by_label("From", exact=True).fill("2023-12-01")
    page.get_by_label("To", exact=True).fill("2023-12-31")
    expect(rows(studies)).to_have_count(9)
    page.get_by_role("combobox", name="Modality").select_option("CT")
    expect(page.get_by_role("heading", name="No study matches")).to_be_visible()
    page.get_by_role("button", name="Clear the search").last.click()
    expect(rows(studies)).to_have_count(50)


def test_a_year_has_four_digits_however_many_are_typed(studies):
    studies.page.get_by_label("From").focus()
    studies.page.keyboard.type("0102202399")
    expect(studies.page).to_have_url(re.compile(r"dateFrom=\d{8}$"))
    expect(studies.page.get_by_role("alert")).to_have_count(0)


def test_a_heading_sorts_and_sorts_the_other_way_round(studies):
    heading = studies.page.get_by_role("columnheader", name="Patient")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(rows(studies).first).to_contain_text("Doe")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(rows(studies).first).to_contain_text("Stack")
    assert "sort=-patientName" in studies.page.url


def test_what_a_narrow_column_cuts_off_is_told_by_its_title(studies):
    studies.page.goto(f"{studies.address}/?patientId=PID-1&description=Chest")
    row = studies.page.locator(f"[data-uid='{objects.STUDY}']")
    expect(row).to_be_visible()
    modalities = row.locator("td.modality .badge").all_inner_texts()  # others may have come since
    assert set(modalities) >= {"CT", "MR", "OT", "RTDOSE"}
    expect(row.locator("td.modality")).to_have_attribute("title", ", ".join(modalities))
    expect(row.locator("td.patient")).to_have_attribute("title", "Doe, Jane · 1970-01-02 · F")


@pytest.mark.parametrize("width", [480, 800, 1280])
def test_every_width_leaves_room_for_the_description(studies, width):
    studies.page.set_viewport_size({"width": width, "height": 600})
    headings = studies.page.locator("th").filter(visible=True)
    sizes = "(all) => all.map((e) => [e.innerText, e.offsetWidth, e.scrollWidth])"
    found = {name.strip(" ▾▴\n"): rest for name, *rest in headings.evaluate_all(sizes)}
    assert found["Description"][0] > 110, found
    assert all(inner <= outer for outer, inner in found.values()), found


def test_a_study_that_arrives_appears_by_itself_and_goes_when_deleted(viewer, server):
    viewer.open("/?patientId=ARRIVES")
    page = viewer.page
    expect(page.get_by_role("heading", name="No study matches")).to_be_visible()
    expect(page.locator(".live")).to_contain_text("Live")
    dataset = objects.secondary_capture(PatientName="New^Nora", PatientID="ARRIVES-1")
    dataset.file_meta = file_meta(dataset)
    DICOMwebClient(f"{server.http}/dicomweb").store_instances([dataset])
    row = page.locator("tbody tr", has_text="New, Nora")
    expect(row).to_be_visible()
    expect(row).to_have_class("fresh")
    httpx.delete(f"{server.http}/dicomweb/studies/{dataset.StudyInstanceUID}").raise_for_status()
    expect(row).to_be_hidden()


def file_meta(dataset):
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return meta


HIDE = """() => {
    Object.defineProperty(document, "visibilityState", { configurable: true, value: "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_more_tabs_than_a_browser_has_connections_do_not_wait_for_each_other(studies):
    pages = []
    for _ in range(7):
        pages.append(studies.page.context.new_page())
        pages[-1].goto(studies.address)
        expect(pages[-1].locator(".live")).to_contain_text("Live")
        # A headless browser has all of its tabs in sight.
        pages[-1].evaluate(HIDE)
    study = pages[-1].context.new_page()
    study.goto(f"{studies.address}/viewer?StudyInstanceUIDs={objects.STACK_STUDY}")
    expect(study.locator(".corner.top-left")).to_contain_text("Stack, Stella")


def test_before_the_first_answer_no_number_of_studies_is_claimed(studies):
    page = studies.page
    page.route("**/api/studies?*", lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(page.locator(".pager-text")).to_have_text("")
    studies.complaints.clear()


def test_the_keyboard_alone_finds_and_opens_a_study(studies):
    page = studies.page
    page.keyboard.press("/")
    page.keyboard.type("stack")
    expect(rows(studies)).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(rows(studies).first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/viewer?StudyInstanceUIDs=*")
    studies.wait("isocenter?.firstImage != null")
    page.go_back()
    expect(page.get_by_label("Patient name")).to_have_value("stack")


def test_keys_that_are_faster_than_the_search_open_nothing_of_the_search_before(studies):
    page = studies.page
    held = []
    page.route("**/api/studies?*stack*", lambda route: held.append(route))
    page.keyboard.press("/")
    page.keyboard.type("stack")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")  # there is nothing yet that it could open
    wait_until(lambda: page.title() and held)
    assert "/viewer" not in page.url
    page.unroute("**/api/studies?*stack*")  # which lets what was held go on
    expect(rows(studies)).to_have_count(1)
    expect(rows(studies).first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/viewer?StudyInstanceUIDs={objects.STACK_STUDY}")


def test_only_what_has_arrived_is_marked_not_what_it_pushed_over(studies, server):
    page = studies.page
    page.get_by_label("Next page").click()
    expect(page.locator(".pager-text")).to_contain_text("51 – 100")
    dataset = objects.secondary_capture(StudyDate="29991231")
    dataset.file_meta = file_meta(dataset)
    DICOMwebClient(f"{server.http}/dicomweb").store_instances([dataset])
    expect(page.locator(".pager-text")).to_contain_text("of 113")
    expect(page.locator("tr.fresh")).to_have_count(0)
    httpx.delete(f"{server.http}/dicomweb/studies/{dataset.StudyInstanceUID}").raise_for_status()
    expect(page.locator(".pager-text")).to_contain_text("of 112")


def test_arrow_keys_walk_the_rows_and_page_keys_the_pages(studies):
    page = studies.page
    rows(studies).first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(rows(studies).nth(2)).to_be_focused()
    page.keyboard.press("End")
    expect(rows(studies).last).to_be_focused()
    page.keyboard.press("PageDown")
    expect(page.locator(".pager-text")).to_contain_text("51 – 100")


def test_keys_work_before_anything_has_the_focus(studies):
    page = studies.page
    page.keyboard.press("PageDown")
    expect(page.locator(".pager-text")).to_contain_text("51 – 100")
    expect(rows(studies).first).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    expect(rows(studies).last).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowDown")
    expect(rows(studies).first).to_be_focused()


def test_page_keys_go_on_from_page_to_page(studies):
    page = studies.page
    rows(studies).first.focus()
    page.keyboard.press("PageDown")
    expect(page.locator(".pager-text")).to_contain_text("51 – 100")
    expect(rows(studies).first).to_be_focused()
    page.keyboard.press("PageDown")
    expect(page.locator(".pager-text")).to_contain_text("101 – 112")
    page.keyboard.press("PageUp")
    expect(page.locator(".pager-text")).to_contain_text("51 – 100")


def test_another_page_begins_at_its_top(studies):
    page = studies.page
    scroll_to(studies, 700)
    page.get_by_label("Next page").click()
    expect(page.locator(".pager-text")).to_contain_text("51 – 100")
    assert scrolled(studies) == 0


SCROLLER = "document.querySelector('.study-table')"


def scrolled(viewer) -> float:
    return viewer.page.evaluate(f"{SCROLLER}.scrollTop")


def scroll_to(viewer, top: float) -> None:
    viewer.page.evaluate(f"top => {SCROLLER}.scrollTo(0, top)", top)
    # The place is noted once the list rests.
    wait_until(
        lambda: (viewer.page.evaluate("history.state") or {}).get("place", {}).get("top") == top
    )


def leave_by_link(page):
    page.get_by_role("link", name="Studies").click()


def leave_by_back(page):
    page.go_back()


@pytest.mark.parametrize("leave", [leave_by_link, leave_by_back])
def test_the_way_back_leads_to_the_same_search_page_place_and_row(studies, leave):
    page = studies.page
    page.get_by_label("Patient ID").fill("LIST-")
    expect(page.locator(".pager-text")).to_contain_text("of 110")
    page.get_by_role("columnheader", name="Accession").get_by_role("button").click()
    expect(rows(studies).first).to_contain_text("ACC000")
    page.get_by_label("Next page").click()
    expect(rows(studies).first).to_contain_text("ACC050")
    page.mouse.move(600, 500)
    page.mouse.wheel(0, 900)
    wait_until(lambda: scrolled(studies) == 900)
    box = page.get_by_text("ACC080").bounding_box()
    page.mouse.click(box["x"] + 5, box["y"] + 5)  # a locator's click may scroll first
    page.wait_for_url("**/viewer?*")
    link = page.get_by_role("link", name="Studies")
    expect(link).to_have_attribute("href", "/?patientId=LIST-&sort=accession&page=2")
    page.reload()  # what the browser keeps with the page outlives that
    leave(page)
    expect(page).to_have_url(f"{studies.address}/?patientId=LIST-&sort=accession&page=2")
    expect(rows(studies).first).to_contain_text("ACC050")
    assert scrolled(studies) == 900
    expect(page.locator("tr", has_text="ACC080")).to_be_focused()
    page.go_forward()
    expect(page).to_have_url(re.compile("/viewer"))
    page.go_back()
    expect(rows(studies).first).to_contain_text("ACC050")
    assert scrolled(studies) == 900


# The browser tells the list with the next frame that it was scrolled: it is gone by then.
LEAVE_WHILE_SCROLLING = """async () => {
    const list = document.querySelector(".study-table");
    const told = new Promise((done) => list.addEventListener("scroll", done));
    list.scrollTop = 300;
    document.querySelectorAll("tbody tr")[10].click();
    await told;
    history.back();
    await new Promise((done) => setTimeout(done, 300));
}"""


def test_a_list_that_is_left_while_it_scrolls_comes_back_to_its_place(studies):
    page = studies.page
    held = []
    page.route("**/api/studies?*", lambda route: held.append(route))
    page.evaluate(LEAVE_WHILE_SCROLLING)
    wait_until(lambda: page.title() and held)
    page.unroute("**/api/studies?*")  # which lets what was held go on
    expect(rows(studies)).to_have_count(50)
    expect(rows(studies).nth(10)).to_be_focused()
    assert scrolled(studies) == 300


# As on a machine that has much to do: no frame comes, what waits for one waits long (Preact takes
# 35 ms for one), and so does the list's own wait of 100 ms before it notes its place.
HARDLY_A_FRAME = """
    const after = window.setTimeout;
    const late = { 35: 5000, 100: 600 };
    window.setTimeout = (act, delay, ...more) => after(act, late[delay] ?? delay, ...more);
    window.requestAnimationFrame = (draw) => after(draw, 5000);
    window.cancelAnimationFrame = clearTimeout;
"""


@pytest.fixture
def slow_studies(viewer):
    viewer.page.add_init_script(HARDLY_A_FRAME)
    viewer.open("/")
    expect(rows(viewer)).to_have_count(50)
    return viewer


# The other list is there when the one before would note its place.
LEAVE_AND_COME_BACK = """async () => {
    const list = document.querySelector(".study-table");
    const told = new Promise((done) => list.addEventListener("scroll", done));
    list.scrollTop = 300;
    await told;
    document.querySelectorAll("tbody tr")[10].click();
    const back = new Promise((done) => addEventListener("popstate", done));
    history.back();
    await back;
    await new Promise((done) => setTimeout(done, 900));
}"""


def test_a_list_that_is_gone_notes_no_place_in_the_one_that_is_there(slow_studies):
    page = slow_studies.page
    held = []
    page.route("**/api/studies?*", lambda route: held.append(route))
    page.evaluate(LEAVE_AND_COME_BACK)
    wait_until(lambda: page.title() and held)
    page.unroute("**/api/studies?*")  # which lets what was held go on
    expect(rows(slow_studies)).to_have_count(50)
    expect(rows(slow_studies).nth(10)).to_be_focused()
    assert scrolled(slow_studies) == 300


# What is typed is searched for after 250 ms: the study is open by then.
OPEN_WHILE_TYPING = """async () => {
    const field = document.querySelector("[name=patientName]");
    field.value = "stack";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    document.querySelectorAll("tbody tr")[0].click();
    await new Promise((done) => setTimeout(done, 500));
}"""


def test_what_was_being_typed_never_becomes_the_address_of_the_study(slow_studies):
    page = slow_studies.page
    study = rows(slow_studies).first.get_attribute("data-uid")
    page.evaluate(OPEN_WHILE_TYPING)
    expect(page).to_have_url(f"{slow_studies.address}/viewer?StudyInstanceUIDs={study}")
    link = page.get_by_role("link", name="Studies")
    expect(link).to_have_attribute("href", "/?patientName=stack")


def test_a_list_that_was_left_for_another_comes_back_as_it_was(studies):
    page = studies.page
    scroll_to(studies, 400)
    page.goto(f"{studies.address}/?patientId=LIST-04")
    expect(rows(studies)).to_have_count(10)
    page.go_back()
    expect(rows(studies)).to_have_count(50)
    assert scrolled(studies) == 400


def test_a_study_opened_by_its_address_leads_to_the_whole_list(viewer):
    viewer.open(f"/viewer?StudyInstanceUIDs={objects.STACK_STUDY}")
    viewer.page.get_by_role("link", name="Studies").click()
    expect(viewer.page).to_have_url(f"{viewer.address}/")
    expect(rows(viewer)).to_have_count(50)


def test_a_study_in_a_tab_of_its_own_leads_to_the_search_that_it_was_found_by(studies):
    page = studies.page
    page.get_by_label("Patient ID").fill("LIST-04")
    expect(rows(studies)).to_have_count(10)
    with page.context.expect_page() as opened:
        rows(studies).first.get_by_role("link").click(modifiers=["Control"])
    tab = opened.value
    tab.get_by_role("link", name="Studies").wait_for()
    expect(tab).to_have_url(re.compile(r"/viewer\?StudyInstanceUIDs=[\d.]+$"))
    tab.reload()
    tab.get_by_role("link", name="Studies").click()
    expect(tab).to_have_url(f"{studies.address}/?patientId=LIST-04")
    expect(tab.locator("tbody tr")).to_have_count(10)


def test_rows_under_the_headings_come_out_for_the_keyboard(studies):
    page = studies.page
    rows(studies).nth(20).focus()
    scroll_to(studies, 20 * 44)  # the row before is wholly above, the focused one at the top
    page.keyboard.press("ArrowUp")
    row = rows(studies).nth(19)
    expect(row).to_be_focused()
    headings = page.locator("thead").bounding_box()
    assert row.bounding_box()["y"] >= headings["y"] + headings["height"] - 1


def test_the_last_column_counts_objects_and_says_so(viewer):
    viewer.open("/?patientName=stack")
    heading = viewer.page.get_by_role("columnheader", name="Objects / series")
    expect(heading.get_by_role("button")).to_have_accessible_description(
        re.compile("images, and also reports")
    )
    # Forty-two images and one report.
    cell = rows(viewer).first.get_by_role("cell").last
    expect(cell).to_have_accessible_name("43 objects in 3 series")
    expect(cell).to_have_attribute("title", "43 objects in 3 series")


def test_every_control_can_be_reached_by_tab_and_has_a_name(studies):
    page = studies.page
    names = []
    page.locator("body").focus()
    for _ in range(26):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                """() => {
                    const e = document.activeElement;
                    return e.ariaLabel || e.labels?.[0]?.innerText || e.innerText || e.title || "";
                }"""
            )
        )
    wanted = ("Next page", "Patient name", "From", "Modality", "Description", "Accession")
    assert all(names[:20]), names
    assert all(any(name.startswith(want) for name in names) for want in wanted), names


def test_an_unreachable_server_is_said_and_asked_again(studies):
    page = studies.page
    page.route("**/api/studies?*", lambda route: route.abort())
    page.get_by_label("Patient name").fill("x")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    page.unroute("**/api/studies?*")
    studies.complaints.clear()
    page.get_by_label("Patient name").fill("garcia")
    expect(rows(studies)).to_have_count(28)


def test_markup_in_an_object_stays_text(viewer, server):
    dataset = objects.secondary_capture(
        PatientID="MARKUP", StudyDescription='<img src=x onerror="window.owned=1">'
    )
    dataset.file_meta = file_meta(dataset)
    DICOMwebClient(f"{server.http}/dicomweb").store_instances([dataset])
    viewer.open("/?patientId=MARKUP")
    expect(rows(viewer).first).to_contain_text("<img src=x")
    assert viewer.page.evaluate("window.owned") is None
    httpx.delete(f"{server.http}/dicomweb/studies/{dataset.StudyInstanceUID}")
