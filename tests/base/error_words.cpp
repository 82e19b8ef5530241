#include "autosampling/base/error_words.hpp"

#include <gmock/gmock.h>

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

} // namespace
} // namespace autosampling
