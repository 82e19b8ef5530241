#include "autosampling/population/heartbeat.hpp"

#include "small_run.hpp"

#include <fstream>

namespace autosampling::testing {
namespace {

TEST(Heartbeat, a_file_left_alone_gets_younger) {
    namespace fs = std::filesystem;
    const SharedFolder folder;
    const fs::path file = folder / text("file", world().rank());
    std::ofstream{file};
    const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
    fs::last_write_time(file, old);
    {
        const Heartbeat heartbeat(file, std::chrono::milliseconds(1));
        while (fs::last_write_time(file) <= old) std::this_thread::yield();
        EXPECT_GT(fs::last_write_time(file), old);
    }
    world().barrier(); // the root removes the folder
}

} // namespace
} // namespace autosampling::testing
