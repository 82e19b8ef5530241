// CIFAR-10 and CIFAR-100, binary version (Krizhevsky, 2009): records of one label byte (CIFAR-100: coarse, then fine)
// and the planes R, G, B of 32 x 32.
#include "formats.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>
#include <array>

namespace autosampling::detail {

namespace {

constexpr int side = 32; // pixels
constexpr std::size_t plane = side * side;
constexpr int coarse_classes = 20; // CIFAR-100

constexpr std::array class_names_10{"airplane", "automobile", "bird",  "cat",  "deer",
                                    "dog",      "frog",       "horse", "ship", "truck"};
constexpr std::array class_names_100{
    "apple",      "aquarium_fish", "baby",         "bear",       "beaver",      "bed",         "bee",
    "beetle",     "bicycle",       "bottle",       "bowl",       "boy",         "bridge",      "bus",
    "butterfly",  "camel",         "can",          "castle",     "caterpillar", "cattle",      "chair",
    "chimpanzee", "clock",         "cloud",        "cockroach",  "couch",       "crab",        "crocodile",
    "cup",        "dinosaur",      "dolphin",      "elephant",   "flatfish",    "forest",      "fox",
    "girl",       "hamster",       "house",        "kangaroo",   "keyboard",    "lamp",        "lawn_mower",
    "leopard",    "lion",          "lizard",       "lobster",    "man",         "maple_tree",  "motorcycle",
    "mountain",   "mouse",         "mushroom",     "oak_tree",   "orange",      "orchid",      "otter",
    "palm_tree",  "pear",          "pickup_truck", "pine_tree",  "plain",       "plate",       "poppy",
    "porcupine",  "possum",        "rabbit",       "raccoon",    "ray",         "road",        "rocket",
    "rose",       "sea",           "seal",         "shark",      "shrew",       "skunk",       "skyscraper",
    "snail",      "snake",         "spider",       "squirrel",   "streetcar",   "sunflower",   "sweet_pepper",
    "table",      "tank",          "telephone",    "television", "tiger",       "tractor",     "train",
    "trout",      "tulip",         "turtle",       "wardrobe",   "whale",       "willow_tree", "wolf",
    "woman",      "worm"};
static_assert(class_names_10.size() == 10 && class_names_100.size() == 100);

struct Variant {
    std::size_t label_bytes;      // of a record; the last of them is the label
    std::string folder;           // the usual one
    std::vector<FileNames> files; // the test set's is the last
    std::span<const char* const> class_names;
    std::vector<double> mean, std; // (C)

    int classes() const { return static_cast<int>(class_names.size()); }
    std::size_t record() const { return label_bytes + 3 * plane; }
};

const Variant cifar10{.label_bytes = 1,
                      .folder = "cifar-10-batches-bin",
                      .files = {{"data_batch_1.bin", "data_batch_1"},
                                {"data_batch_2.bin", "data_batch_2"},
                                {"data_batch_3.bin", "data_batch_3"},
                                {"data_batch_4.bin", "data_batch_4"},
                                {"data_batch_5.bin", "data_batch_5"},
                                {"test_batch.bin", "test_batch"}},
                      .class_names = class_names_10,
                      .mean = {0.4914, 0.4822, 0.4465},
                      .std = {0.2470, 0.2435, 0.2616}};
const Variant cifar100{.label_bytes = 2,
                       .folder = "cifar-100-binary",
                       .files = {{"train.bin", "train"}, {"test.bin", "test"}},
                       .class_names = class_names_100,
                       .mean = {0.5071, 0.4865, 0.4409},
                       .std = {0.2673, 0.2564, 0.2762}};

std::size_t count_records(const std::filesystem::path& path, const Variant& variant) {
    CompressedFile file(path);
    const std::uint64_t limit = max_images * variant.record();
    const std::uint64_t length = file.length(limit);
    if (length > limit) file.refuse(limit, "more bytes", text("at most ", max_images, " records"));
    if (length == 0 || length % variant.record() != 0) {
        file.refuse(
            length, text("the end (", length, " bytes)"),
            text("a whole number of records of ", variant.record(), " bytes (the binary version of the data set)"));
    }
    return static_cast<std::size_t>(length / variant.record());
}

// Planes (C, H, W) to pixels (H, W, C).
void interleave(const std::uint8_t* planes, std::uint8_t* pixels) {
    for (std::size_t i = 0; i < plane; ++i)
        for (std::size_t c = 0; c < 3; ++c) pixels[3 * i + c] = planes[c * plane + i];
}

// Reads all of a file to the given place (in images) of a set; returns the place after its last image.
std::size_t load_file(const std::filesystem::path& path, const Variant& variant, const ExampleSetMemory& out,
                      std::size_t place) {
    CompressedFile file(path);
    constexpr std::size_t chunk_records = 256;
    std::vector<std::uint8_t> chunk(chunk_records * variant.record());
    for (;;) {
        const std::uint64_t at = file.offset();
        const auto bytes = file.read(std::as_writable_bytes(std::span(chunk)));
        const auto records = bytes / variant.record();
        if (bytes % variant.record() != 0 || records > out.labels.size() - place)
            file.refuse(at + bytes, "another length than before", "a file that doesn't change while it is read");
        for (std::size_t i = 0; i < records; ++i, ++place) {
            const std::uint8_t* const record = chunk.data() + i * variant.record();
            const auto label_at = i * variant.record() + variant.label_bytes - 1;
            if (variant.label_bytes == 2) check_label(file, at + label_at - 1, chunk[label_at - 1], coarse_classes);
            check_label(file, at + label_at, chunk[label_at], variant.classes());
            out.labels[place] = chunk[label_at];
            interleave(record + variant.label_bytes, out.bytes.data() + place * 3 * plane);
        }
        if (bytes < chunk.size()) return place;
    }
}

void plan_variant(DatasetPlan& plan, const Variant& variant) {
    plan.facts.shape = {side, side, 3};
    plan.facts.classes = variant.classes();
    plan.facts.class_names.assign(variant.class_names.begin(), variant.class_names.end());
    plan.facts.mean = variant.mean;
    plan.facts.std = variant.std;
    find_files(plan, {variant.folder}, variant.files);
    for (std::size_t i = 0; i + 1 < plan.files.size(); ++i)
        plan.training_examples += count_records(plan.files[i], variant);
    plan.test_examples = count_records(plan.files.back(), variant);
    expect_sizes(plan, 50'000, 10'000);
}

LoadedParts load_variant(const DatasetPlan& plan, const Variant& variant, const ExampleSetMemory& training,
                         const ExampleSetMemory& test) {
    std::size_t training_end = 0;
    LoadedParts parts;
    const auto load = [&](const std::filesystem::path& path, const ExampleSetMemory& out, std::size_t place) {
        const auto end = load_file(path, variant, out, place);
        parts.push_back({path.string(), part_of(out, out.labels.size(), place, end - place)});
        return end;
    };
    for (std::size_t i = 0; i + 1 < plan.files.size(); ++i) training_end = load(plan.files[i], training, training_end);
    const auto test_end = load(plan.files.back(), test, 0);
    VALIDATE(training_end == training.labels.size() && test_end == test.labels.size(), ExitCode::data,
             plan.files.back().parent_path().string(),
             ": fewer records than before (a file has changed while it was read): start again");
    return parts;
}

} // namespace

void plan_cifar10(DatasetPlan& plan) {
    plan_variant(plan, cifar10);
}
void plan_cifar100(DatasetPlan& plan) {
    plan_variant(plan, cifar100);
}
LoadedParts load_cifar10(const DatasetPlan& plan, const ExampleSetMemory& training, const ExampleSetMemory& test) {
    return load_variant(plan, cifar10, training, test);
}
LoadedParts load_cifar100(const DatasetPlan& plan, const ExampleSetMemory& training, const ExampleSetMemory& test) {
    return load_variant(plan, cifar100, training, test);
}

} // namespace autosampling::detail
