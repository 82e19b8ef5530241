#include "autosampling/record/hdf5.hpp"
#include "autosampling/record/resume.hpp"
#include "example_run.hpp"

#include <chrono>
#include <csignal>
#include <random>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace autosampling::example {
namespace {

// Writes segments, checkpoints and run.h5 until it is killed; says so in the pipe after every step.
[[noreturn]] void write_for_ever(const std::filesystem::path& run, int pipe) noexcept {
    const auto step_done = [pipe] { (void)!write(pipe, "s", 1); };
    for (std::int64_t cycle = 0;; cycle += 3) {
        write_segment(run, header(), launch(), segment(cycle, cycle + 2));
        step_done();
        write_checkpoint(run, cycle + 3);
        step_done();
        write_run_file(run, header(), launch(), final_distribution(true));
        step_done();
    }
}

TEST(Kill, every_file_with_a_final_name_opens_whenever_the_writer_is_killed) {
    std::mt19937 random(std::random_device{}());
    for (int round = 0; round < 25; ++round) {
        const int steps = static_cast<int>(random() % 10);
        SCOPED_TRACE("killed after " + std::to_string(steps) + " steps");
        const Folder run;
        int done[2];
        ASSERT_EQ(pipe(done), 0);
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) write_for_ever(run.path(), done[1]);
        close(done[1]);
        char byte = 0;
        for (int step = 0; step < steps; ++step) ASSERT_EQ(read(done[0], &byte, 1), 1);
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 40'000));
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        close(done[0]);

        for (const auto& file : finished_files(run.path())) EXPECT_NO_THROW(Hdf5File::open(file)) << file;
        std::vector<std::string> passed_over;
        const auto index = newest_checkpoint(run.path(), passed_over);
        EXPECT_TRUE(index || steps < 2);
        if (!index) continue;
        EXPECT_GE(find_segments(run.path()).cycles, index->cycle); // the segment goes first
        const ResumePoint point = find_resume_point(run.path());
        EXPECT_EQ(point.cycle(), index->cycle);
        EXPECT_EQ(prepare_resume(run.path(), point, 1'000'000).cycles, index->cycle);
    }
}

} // namespace
} // namespace autosampling::example
