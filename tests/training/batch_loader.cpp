// Batches made in each of the ways, on CPU tensors.
#include "images.hpp"

#include "autosampling/base/narrow.hpp"

#include <gtest/gtest.h>

#include <random>

namespace autosampling {
namespace {

// Random images of this shape with a training and a test file; of a regression with `targets` numbers to predict.
struct RandomImages {
    RandomImages(const Shape& shape, Augmentation augmentation, int targets = 0)
        : training_pixels(50 * shape.values()), test_pixels(7 * shape.values()), labels(50), target(50 * targets) {
        std::mt19937 random(5);
        for (auto* pixels : {&training_pixels, &test_pixels})
            for (auto& value : *pixels) value = static_cast<std::uint8_t>(random());
        for (auto& label : labels) label = static_cast<std::int32_t>(random() % 10);
        for (auto& value : target) value = static_cast<float>(random());
        dataset.facts.shape = shape;
        dataset.facts.classes = targets > 0 ? 1 : 10;
        dataset.facts.targets = targets;
        for (int c = 0; c < shape.channels(); ++c) {
            dataset.facts.mean.push_back(0.45 + 0.01 * c);
            dataset.facts.std.push_back(0.25 - 0.01 * c);
        }
        const auto examples = [&](const std::vector<std::uint8_t>& pixels, std::size_t rows) {
            ExampleSet set{rows, pixels, std::span(labels).first(targets > 0 ? 0 : rows),
                           std::span(target).first(rows * to_size(targets)), nullptr};
            set.source = make_image_source(pixels, dataset.facts, augmentation);
            return set;
        };
        dataset.training = examples(training_pixels, 50);
        dataset.test = examples(test_pixels, 7);
    }

    std::vector<std::uint8_t> training_pixels, test_pixels;
    std::vector<std::int32_t> labels;
    std::vector<float> target;
    Dataset dataset;
};

// Every third row of a file, with labels that aren't the file's.
Part part_of(std::uint32_t rows) {
    Part part;
    for (std::uint32_t row = 0; row < rows; row += 3) {
        part.source.push_back(row);
        part.label.push_back(static_cast<std::int32_t>((row * 7 + 1) % 10));
    }
    return part;
}

// For 1,000 draws with random crops, then without; then the test file's, in order.
void expect_batches_of_the_host(Batches kind, const RandomImages& images) {
    const auto host = make_batch_loader(Batches::host, images.dataset, 40, at::kCPU);
    const auto other = make_batch_loader(kind, images.dataset, 40, at::kCPU);
    const auto expect_equal = [&](const Wanted& wanted) {
        host->begin(wanted);
        other->begin(wanted);
        for (std::size_t first = 0; first < wanted.indices.size(); first += 40) {
            const std::size_t size = std::min<std::size_t>(40, wanted.indices.size() - first);
            const Batch expected = host->batch(first, size), made = other->batch(first, size);
            EXPECT_TRUE(made.examples.equal(expected.examples)) << "from draw " << first;
            EXPECT_TRUE(made.wanted.equal(expected.wanted)) << "from draw " << first;
            EXPECT_EQ(made.wanted.scalar_type(), expected.wanted.scalar_type());
            EXPECT_TRUE(made.examples.is_contiguous(at::MemoryFormat::ChannelsLast));
        }
    };
    const Part training = part_of(50), test = part_of(7);
    const auto draws = drawn_indices(1000, training.source.size(), 1);
    const RandomKey key{.seed = 3, .purpose = Purpose::augmentation, .member = 2, .cycle = 9};
    expect_equal({images.dataset.training, training, draws, key});
    expect_equal({images.dataset.training, training, draws, {}});
    expect_equal({images.dataset.test, test, first_indices(test.source.size()), {}});
}

TEST(BatchLoader, resident_batches_are_the_hosts_bit_for_bit) {
    for (const Shape& shape : {Shape{32, 32, 3}, Shape{28, 28, 1}, Shape{5, 9, 4}, Shape{3, 2, 3}}) { // the last two
        SCOPED_TRACE(testing::Message() << shape); // are so small that a window leaves the image in part or as a whole
        expect_batches_of_the_host(Batches::resident, {shape, Augmentation::crop_flip});
        expect_batches_of_the_host(Batches::resident, {shape, Augmentation::none});
    }
    expect_batches_of_the_host(Batches::resident, {{8, 8, 3}, Augmentation::crop_flip, 2});
}

TEST(BatchLoader, streamed_batches_are_the_hosts_bit_for_bit) {
    expect_batches_of_the_host(Batches::streamed, {{16, 24, 3}, Augmentation::crop_flip});
    expect_batches_of_the_host(Batches::streamed, {{8, 8, 3}, Augmentation::none, 2});
}

TEST(BatchLoader, a_streamed_batch_stays_while_the_next_is_made) {
    const RandomImages images({8, 8, 3}, Augmentation::none);
    const auto loader = make_batch_loader(Batches::streamed, images.dataset, 40, at::kCPU);
    const Part part = part_of(50);
    const auto draws = drawn_indices(80, part.source.size(), 1);
    loader->begin({images.dataset.training, part, draws, {}});
    const Batch first = loader->batch(0, 40);
    const at::Tensor examples = first.examples.clone(), wanted = first.wanted.clone();
    loader->batch(40, 40);
    EXPECT_TRUE(first.examples.equal(examples));
    EXPECT_TRUE(first.wanted.equal(wanted));
}

TEST(BatchLoader, only_images_in_memory_can_be_resident) {
    const RandomImages images({5, 9, 4}, Augmentation::none), regression({5, 9, 4}, Augmentation::none, 2);
    EXPECT_EQ(resident_bytes(images.dataset), 57 * 5 * 9 * 4);
    EXPECT_EQ(resident_bytes(regression.dataset), 57 * (5 * 9 * 4 + 2 * 4));
    const std::vector<float> numbers(12);
    Dataset arrays;
    arrays.facts.shape = {3};
    arrays.facts.storage = Storage::numbers;
    arrays.facts.mean = {0};
    arrays.facts.std = {1};
    arrays.training.rows = 4;
    arrays.training.source = make_array_source(numbers, arrays.facts);
    EXPECT_EQ(resident_bytes(arrays), std::nullopt);
}

// 50 steps: the losses of all draws, the state, and what is evaluated.
TEST(BatchLoader, a_trainer_with_streamed_batches_is_one_with_resident_images_bit_for_bit) {
    DataOptions data = Images::small();
    data.augmentation = Augmentation::crop_flip;
    data.label_noise = 0.3;
    const Images images(data);
    TrainerOptions options = trainer_options("resnet8", 32);
    options.batches = Batches::resident;
    Trainer resident(options, images.dataset, images.split);
    options.batches = Batches::streamed;
    Trainer streamed(options, images.dataset, images.split);
    const auto draws = drawn_indices(50 * 32, images.split.training.source.size(), 1);
    const CycleTask task{draws, 0, {.seed = 1, .purpose = Purpose::augmentation}};
    const CycleResult expected = resident.train(task), result = streamed.train(task);
    EXPECT_EQ(result.draw_loss, expected.draw_loss);
    EXPECT_EQ(result.train_loss, expected.train_loss);
    EXPECT_EQ(state_of(streamed), state_of(resident));
    for (const HeldOut part : {HeldOut::reward, HeldOut::test}) {
        const auto examples = drawn_indices(Trainer::evaluation_batch + 5, 60, 1); // the second batch is a part of one
        const Score one = streamed.evaluate(part, examples), other = resident.evaluate(part, examples);
        EXPECT_EQ(one.loss_sum, other.loss_sum);
        EXPECT_EQ(one.correct_by_class, other.correct_by_class);
    }
}

} // namespace
} // namespace autosampling
