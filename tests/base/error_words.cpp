#include "autosampling/base/error_words.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <new>
#include <stdexcept>

namespace autosampling {
namespace {

TEST(ErrorWords, of_short_memory_say_what_to_do) {
    for (const std::string& words :
         {words_of(std::bad_alloc()), words_of(std::runtime_error("DefaultCPUAllocator: can't allocate memory\n"))}) {
        EXPECT_THAT(words, ::testing::HasSubstr("no memory (")) << words;
        EXPECT_THAT(words, ::testing::HasSubstr("training.batch_size"));
    }
    EXPECT_EQ(words_of(std::runtime_error("the disk is full\n")), "the disk is full");
}

TEST(ErrorWords, of_the_file_system_name_the_path_and_the_cause) {
    const std::filesystem::path missing = "/proc/none/there";
    try {
        EXPECT_EQ(std::filesystem::file_size(missing), 0);
        ADD_FAILURE() << "nothing was thrown";
    } catch (const std::exception& error) {
        EXPECT_EQ(words_of(error),
                  "cannot use /proc/none/there (No such file or directory): check the path and its permissions");
    }
}

} // namespace
} // namespace autosampling
