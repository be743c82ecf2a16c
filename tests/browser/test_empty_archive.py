from playwright.sync_api import expect
from tests.running_server import running_server


def test_an_empty_archive_says_how_to_fill_it(browser, tmp_path):
    with running_server(tmp_path / "data") as server:
        page = browser.new_page()
        page.goto(server.http)
        expect(page.get_by_role("heading", name="No studies yet")).to_be_visible()
        expect(page.locator(".empty")).to_contain_text("isocenter import")
        page.close()


def test_every_image_of_the_demo_is_shown(browser, tmp_path):
    with running_server(tmp_path / "data", "--demo") as server:
        page = browser.new_page()
        complaints = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(server.http)
        addresses = page.locator("td.patient a").evaluate_all("(all) => all.map((a) => a.href)")
        expect(page.locator("td.patient a").first).to_be_visible()
        addresses = page.locator("td.patient a").evaluate_all("(all) => all.map((a) => a.href)")
        assert len(addresses) > 20
        for address in addresses:
            page.goto(address)
            shown = page.locator(".corner.bottom-right, .pane-message").first
            shown.wait_for()
            assert "cannot be shown" not in page.locator(".viewport").inner_text(), address
        page.close()
        assert complaints == []
