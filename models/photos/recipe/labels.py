"""Writes labels.txt and labels.json: a plain label, a short one and a coarse group for each class.

The labels are this project's own words for the thousand classes, in the network's order; ten a line. Where a label is
too long for a small screen, its short form follows after "=".
"""
import json
from pathlib import Path

LABELS = """
tench|goldfish|great white shark=white shark|tiger shark|hammerhead shark=hammerhead|electric ray|stingray|rooster|hen|ostrich
brambling|goldfinch|house finch|junco|indigo bunting|robin|bulbul|jay|magpie|chickadee
dipper|kite (bird of prey)=kite|bald eagle|vulture|great grey owl=grey owl|fire salamander|smooth newt|young newt|spotted salamander=salamander|axolotl
bullfrog|tree frog|tailed frog|loggerhead turtle=loggerhead|leatherback turtle=leatherback|mud turtle|terrapin|box turtle|banded gecko|green iguana
green anole|whiptail lizard=whiptail|agama lizard=agama|frilled lizard|alligator lizard|Gila monster|green lizard|chameleon|Komodo dragon|Nile crocodile
American alligator=alligator|triceratops|worm snake|ringneck snake|hognose snake|smooth green snake=green snake|king snake|garter snake|water snake|vine snake
night snake|boa constrictor=boa|rock python|cobra|green mamba|sea snake|horned viper|diamondback rattlesnake=diamondback|sidewinder|trilobite
harvestman|scorpion|yellow garden spider=garden spider|barn spider|cross spider|black widow spider=black widow|tarantula|wolf spider|tick|centipede
black grouse|ptarmigan|ruffed grouse|prairie chicken|peacock|quail|partridge|African grey parrot=grey parrot|macaw|cockatoo
lorikeet|coucal|bee-eater|hornbill|hummingbird|jacamar|toucan|drake (male duck)=drake|merganser|goose
black swan|tusked elephant=tusker|echidna|platypus|wallaby|koala|wombat|jellyfish|sea anemone|brain coral
flatworm|roundworm|conch shell=conch|snail|slug|sea slug|chiton|nautilus|Dungeness crab|rock crab
fiddler crab|king crab|lobster|spiny lobster|crayfish|hermit crab|woodlouse or other isopod=isopod|white stork|black stork|spoonbill
flamingo|little blue heron=blue heron|great egret=egret|bittern|crane (bird)=crane|limpkin|purple gallinule=gallinule|coot|bustard|turnstone
dunlin|redshank|dowitcher|oystercatcher|pelican|king penguin|albatross|grey whale|killer whale|dugong
sea lion|Chihuahua|Japanese chin|Maltese|Pekingese|Shih Tzu|King Charles spaniel=King Charles|papillon dog=papillon|toy terrier|Rhodesian ridgeback=ridgeback
Afghan hound|basset hound|beagle|bloodhound|bluetick coonhound=bluetick|black and tan coonhound=coonhound|Treeing Walker coonhound=Walker hound|English foxhound=foxhound|redbone coonhound=redbone|borzoi
Irish wolfhound=wolfhound|Italian greyhound|whippet|Ibizan hound|Norwegian elkhound=elkhound|otterhound|saluki|Scottish deerhound=deerhound|Weimaraner|Staffordshire bull terrier=Staffie
American Staffordshire terrier=Am. Staffordshire|Bedlington terrier=Bedlington|Border terrier|Kerry Blue terrier=Kerry Blue|Irish terrier|Norfolk terrier|Norwich terrier|Yorkshire terrier=Yorkie|wire fox terrier|Lakeland terrier
Sealyham terrier=Sealyham|Airedale terrier=Airedale|cairn terrier|Australian terrier=Australian terr.|Dandie Dinmont terrier=Dandie Dinmont|Boston terrier|miniature schnauzer=mini schnauzer|giant schnauzer|standard schnauzer=schnauzer|Scottish terrier=Scottie
Tibetan terrier|silky terrier|wheaten terrier|West Highland white terrier=Westie|Lhasa Apso|flat-coated retriever=flat-coated|curly-coated retriever=curly-coated|golden retriever|Labrador retriever=Labrador|Chesapeake Bay retriever=Chesapeake
German shorthaired pointer=German pointer|vizsla|English setter|Irish setter|Gordon setter|Brittany spaniel=Brittany|Clumber spaniel=Clumber|English springer spaniel=English springer|Welsh springer spaniel=Welsh springer|cocker spaniel
Sussex spaniel|Irish water spaniel=water spaniel|kuvasz|schipperke|Belgian Groenendael=Groenendael|Belgian Malinois=Malinois|briard|Australian kelpie=kelpie|komondor|Old English sheepdog=Old English
Shetland sheepdog=Sheltie|rough collie=collie|Border collie|Bouvier des Flandres=Bouvier|Rottweiler|German shepherd|Dobermann|miniature pinscher=mini pinscher|Greater Swiss mountain dog=Swiss mountain|Bernese mountain dog=Bernese
Appenzeller mountain dog=Appenzeller|Entlebucher mountain dog=Entlebucher|boxer dog=boxer|bullmastiff|Tibetan mastiff|French bulldog|Great Dane|Saint Bernard|Eskimo dog|Alaskan malamute=malamute
Siberian husky=husky|Dalmatian|affenpinscher|basenji|pug|Leonberger|Newfoundland dog=Newfoundland|Pyrenean mountain dog=Pyrenean|Samoyed|Pomeranian
chow chow|keeshond|Brussels griffon=griffon|Pembroke corgi|Cardigan corgi|toy poodle|miniature poodle=mini poodle|standard poodle|Mexican hairless dog=Mexican hairless|grey wolf
white wolf|red wolf|coyote|dingo|dhole|African wild dog=wild dog|hyena|red fox|kit fox|Arctic fox
grey fox|tabby cat|tiger-striped cat=tiger cat|Persian cat|Siamese cat|Egyptian Mau cat=Egyptian Mau|cougar|lynx|leopard|snow leopard
jaguar|lion|tiger|cheetah|brown bear|American black bear=black bear|polar bear|sloth bear|mongoose|meerkat
tiger beetle|ladybird|ground beetle|longhorn beetle|leaf beetle|dung beetle|rhinoceros beetle=rhino beetle|weevil|fly|bee
ant|grasshopper|cricket (insect)=cricket|stick insect|cockroach|praying mantis=mantis|cicada|leafhopper|lacewing|dragonfly
damselfly|red admiral butterfly=red admiral|ringlet butterfly=ringlet|monarch butterfly=monarch|cabbage white butterfly=cabbage white|sulphur butterfly=sulphur|gossamer-winged butterfly=small blue|starfish|sea urchin|sea cucumber
cottontail rabbit=cottontail|hare|Angora rabbit|hamster|porcupine|fox squirrel|marmot|beaver|guinea pig|chestnut horse
zebra|pig|wild boar|warthog|hippopotamus=hippo|ox|water buffalo|bison|ram|bighorn sheep
ibex|hartebeest|impala|gazelle|dromedary camel=dromedary|llama|weasel|mink|polecat|black-footed ferret=ferret
otter|skunk|badger|armadillo|three-toed sloth=sloth|orangutan|gorilla|chimpanzee|gibbon|siamang
guenon monkey=guenon|patas monkey|baboon|macaque|langur|colobus monkey=colobus|proboscis monkey|marmoset|capuchin monkey=capuchin|howler monkey
titi monkey|spider monkey|squirrel monkey|ring-tailed lemur=lemur|indri|Asian elephant|African elephant|red panda|giant panda|barracuda-like snoek=snoek
eel|coho salmon|rock beauty fish=rock beauty|clownfish|sturgeon|gar|lionfish|pufferfish|abacus|abaya
academic gown|accordion|acoustic guitar|aircraft carrier|airliner|airship|altar|ambulance|amphibious vehicle=amphibian|wall or table clock with hands=analogue clock
beehives|apron|dustbin|assault rifle|backpack|bakery|balance beam|hot-air or toy balloon=balloon|ballpoint pen|sticking plaster=plaster
banjo|banister|barbell|barber's chair|barber's shop|barn|barometer|barrel|wheelbarrow|baseball
basketball|bassinet|bassoon|bathing cap|bath towel|bathtub|estate car|lighthouse|beaker|bearskin hat=bearskin
beer bottle|beer glass|bell tower|bib|tandem bicycle=tandem|bikini|ring binder|binoculars|birdhouse|boathouse
bobsleigh|bolo tie|bonnet (hat)=bonnet|bookcase|bookshop|bottle cap|bow (weapon)=bow|bow tie|brass plaque|bra
breakwater|breastplate|broom|bucket|buckle|bulletproof vest=body armour|high-speed train=fast train|butcher's shop|taxi|cauldron
candle|cannon|canoe|tin opener|cardigan|car mirror|merry-go-round|tool kit|carton|car wheel
cash machine|cassette|cassette player|castle|catamaran|CD player|cello|mobile phone|chain|chain-link fence
chain mail|chainsaw|chest (box)=chest|chest of drawers|wind chime|china cabinet|Christmas stocking=Xmas stocking|church|cinema|cleaver
cliff dwelling|cloak|clog|cocktail shaker|coffee mug|coffee pot|coil or spiral=coil|combination lock|computer keyboard=keyboard|sweet shop
container ship|convertible car=convertible|corkscrew|cornet (brass instrument)=cornet|cowboy boot|cowboy hat|cradle|crane (machine)=crane|crash helmet|crate
cot (baby's bed)=cot|slow cooker|croquet ball|crutch|cuirass|dam|desk|desktop computer|rotary telephone=rotary phone|nappy
digital clock|digital watch|dining table|dishcloth|dishwasher|disc brake|dock|dog sled|dome|doormat
drilling platform=oil rig|drum|drumstick|dumbbell|casserole pot|electric fan|electric guitar|electric locomotive=electric loco|entertainment centre=TV wall unit|envelope
espresso machine|face powder|feather boa|filing cabinet|fireboat|fire engine|fire screen|flagpole|flute|folding chair
American football helmet=football helmet|forklift truck=forklift|fountain|fountain pen|four-poster bed=four-poster|goods wagon|French horn|frying pan|fur coat|dustcart
gas mask|petrol pump|goblet|go-kart|golf ball|golf cart|gondola|gong|evening gown|grand piano
greenhouse|radiator grille|grocery shop|guillotine|hair slide|hairspray|half-track|hammer|laundry basket|hairdryer
handheld computer=handheld|handkerchief|hard disk|harmonica|harp|combine harvester=combine|hatchet|holster|home cinema|honeycomb
hook|hoop skirt|horizontal bar|horse and cart|hourglass|iPod or MP3 player=iPod|clothes iron=iron|pumpkin lantern|jeans|off-road car=jeep
sports shirt|jigsaw puzzle|rickshaw|joystick|kimono|knee pad|knot|lab coat|ladle|lampshade
laptop computer=laptop|lawnmower|lens cap|letter opener|library|lifeboat|lighter|limousine|ocean liner|lipstick
slip-on shoe|lotion|loudspeaker|magnifying glass=magnifier|sawmill|compass|mailbag|letterbox|one-piece swimsuit, full cut=swimsuit (full)|one-piece swimsuit=swimsuit
manhole cover|maraca|marimba|mask|matchstick|maypole|maze|measuring cup|medicine cabinet|standing stones
microphone|microwave oven=microwave|military uniform=uniform|milk churn|minibus|miniskirt|people carrier|missile|mitten|mixing bowl
mobile home|vintage Ford Model T=Model T|modem|monastery|computer monitor=monitor|moped|mortar and pestle=mortar|graduation cap|mosque|mosquito net
motor scooter|mountain bike|camping tent=tent|computer mouse=mouse|mousetrap|removal van|muzzle|nail|neck brace|necklace
baby's bottle teat=bottle teat|notebook computer=notebook|obelisk|oboe|ocarina|odometer|oil filter|pipe organ|oscilloscope|overskirt
ox cart|oxygen mask|packet|paddle|paddle wheel|padlock|paintbrush|pyjamas|palace|pan pipes
paper towel|parachute|parallel bars|park bench|parking meter|railway carriage=carriage|patio|pay phone|pedestal|pencil case
pencil sharpener=sharpener|perfume|Petri dish|photocopier|plectrum|spiked helmet|picket fence|pickup truck|pier|piggy bank
pill bottle|pillow|table-tennis ball=ping-pong ball|pinwheel|pirate ship|jug|carpenter's plane=plane (tool)|planetarium|plastic bag|plate rack
plough|plunger|instant camera|pole|police van|poncho|pool table|fizzy drink bottle=pop bottle|flowerpot|potter's wheel
power drill|prayer rug|printer|prison|projectile|projector|ice hockey puck=puck|punchbag|handbag|quill pen
quilt|racing car|racket|radiator|radio|radio telescope|water butt|motorhome|reel|reflex camera
refrigerator|remote control|restaurant|revolver|rifle|rocking chair|rotisserie|rubber (eraser)=rubber|rugby ball|ruler
running shoe|safe|safety pin|salt cellar|sandal|sarong|saxophone|scabbard|weighing scales=scales|school bus
schooner|scoreboard|screen|screw|screwdriver|seat belt|sewing machine|shield|shoe shop|sliding paper door=paper door
shopping basket|shopping trolley|shovel|shower cap|shower curtain|ski|balaclava|sleeping bag|slide rule|sliding door
slot machine|snorkel|snowmobile|snowplough|soap dispenser|football|sock|solar collector|sombrero|soup bowl
space bar|space heater|space shuttle|spatula|speedboat|spider's web|spindle|sports car|spotlight|stage
steam locomotive=steam engine|steel arch bridge=arch bridge|steel drum|stethoscope|fur stole|stone wall|stopwatch|kitchen stove=stove|strainer|tram
stretcher|sofa bed|stupa|submarine|suit|sundial|sunglass lens|sunglasses|sunscreen|suspension bridge=suspension br.
mop or swab=mop|sweatshirt|swimming trunks=trunks|swing|light switch=switch|syringe|table lamp|army tank=tank|tape player|teapot
teddy bear|television|tennis ball|thatched roof|theatre curtain|thimble|threshing machine=thresher|throne|tiled roof|toaster
tobacconist's|toilet seat|torch|totem pole|tow truck|toy shop|tractor|articulated lorry=lorry|tray|trench coat
tricycle|trimaran|tripod|triumphal arch|trolleybus|trombone|tub|turnstile|typewriter keyboard=typewriter|umbrella
unicycle|upright piano|vacuum cleaner|vase|vault|velvet|vending machine|priest's vestment=vestment|viaduct|violin
volleyball|waffle iron|wall clock|wallet|wardrobe|military aircraft=warplane|washbasin|washing machine|water bottle|water jug
water tower|whisky jug|whistle|wig|window screen|window blind|necktie|wine bottle|aircraft wing|wok
wooden spoon|wool|split-rail fence=rail fence|shipwreck|yawl sailing boat=yawl|yurt|website|comic book|crossword puzzle=crossword|street sign
traffic light|book cover|menu|plate of food|guacamole|clear soup|hotpot|trifle|ice cream|ice lolly
French loaf|bagel|pretzel|cheeseburger|hot dog|mashed potato|cabbage|broccoli|cauliflower|courgette
spaghetti squash|acorn squash|butternut squash=butternut|cucumber|artichoke|sweet pepper|cardoon|mushroom|green apple|strawberry
orange|lemon|fig|pineapple|banana|jackfruit|custard apple|pomegranate|hay|spaghetti carbonara=carbonara
chocolate sauce|dough|meat loaf|pizza|pot pie|burrito|red wine|espresso|cup|eggnog
mountain|bubble|cliff|coral reef|geyser|lakeside|headland|sandbar|seashore|valley
volcano|baseball player|bridegroom|scuba diver|rapeseed field=rapeseed|daisy|lady's slipper orchid=lady's slipper|maize|acorn|rose hip
horse chestnut|coral fungus|agaric mushroom=agaric|false morel|stinkhorn|earthstar|hen of the woods=maitake|bolete mushroom=bolete|ear of maize|toilet roll
"""

# Groups of classes in a row, "first-last", and the exceptions after them win.
GROUPS = """
fish 0-6 389-397
bird 7-24 80-100 127-146
amphibian 25-32
reptile 33-51
snake 52-68
invertebrate 69 107-126 327-329
spider 70-77 78-79
mammal 101-106 147-150 276 298-299 330-339 340-364 385-388
dog 151-268
wild dog 269-275
fox 277-280
cat 281-285
big cat 286-293
bear 294-297
insect 300-326
ape or monkey 365-382
mammal 383-384
thing 398-923
vehicle 404 405 407 408 436 444 450 466 468 511 535 537 545-545 547 555 561 565 569 573 575 586 603 609 612 627 654 656 660 661 665 670 671 675 690 705 717 734 751 757 779 802 803 817 820 829 847 864 866 867 870 874 880 895 812 595 791 428 479 475 581 730 856
boat or ship 403 472 484 510 554 576 625 628 724 780 814 833 871 913 914 694
musical instrument 401 402 420 432 486 494 513 541 542 546 558 566 577 579 593 594 641 642 683 684 687 699 776 822 875 881 889
clothing 399 400 411 433 439 443 445 451 452 457 459 465 474 496 501 502 514 515 518 529 552 560 568 578 601 608 610 614 615 617 630 638 639 652 655 658 667 678 679 689 697 715 735 770 774 775 793 796 806 808 824 834 836 837 841 842 869 887 903 906 461 490 524 591 643 785
building 406 410 415 424 425 437 442 449 454 460 467 483 497 498 500 509 525 536 538 540 580 582 624 634 649 663 668 682 698 706 718 727 743 762 788 819 821 825 832 839 853 858 860 865 873 888 900 912 915 489 716 562 645 646 672 863 421 421
furniture 423 431 453 493 495 516 520 526 532 548 553 559 564 648 703 765 831 857 861 894 846 854 905 904 789 794 799 741 750 721
computer or machine 480 481 482 485 487 508 527 528 530 531 534 545 550 571 589 590 592 605 606 620 632 636-636 650 651 662 664 673 688 704 707 713 732 742 745 754 755 759 760 761 782 786 800 810 811 827 844 848 851 859 878 882 886 897 491 621 740 766 521
kitchenware 438 440 441 463 469 473 499 503 504 505 512 544 567 572 618 647 653 659 666 725 737 738 773 809 813 828 849 868 891 898 899 901 907 909 910 720 729
ball or sports gear 416 422 429 430 522 543 574 602 702 722 736 746 747 752 768 795 801 805 852 890 981-981 693
tool 462 477 587 596 677 726 731 783 784 792 623 714 740 626 695 507
weapon 413 456 471 657 744 763 764 597 583
computer or machine 636-636
thing 636
food or drink 924-969 928-929
kitchenware 923 968
landscape 970-980
person 981-983
plant 984-990 998
mushroom 991-997
thing 999 916 917 918 921 922
street sign 919-920
"""


def groups():
    found = [""] * 1000
    for line in GROUPS.strip().splitlines():
        words = line.split(" ")
        first = next(index for index, word in enumerate(words) if word[0].isdigit())
        for word in words[first:]:
            start, _, end = word.partition("-")
            for at in range(int(start), int(end or start) + 1):
                found[at] = " ".join(words[:first])
    assert all(found), found.index("")
    return found


def classes():
    rows = [line.split("|") for line in LABELS.strip().splitlines()]
    assert [len(row) for row in rows] == [10] * 100, [(i, len(r)) for i, r in enumerate(rows) if len(r) != 10]
    pairs = [entry.partition("=")[::2] for row in rows for entry in row]
    labels = [label for label, _ in pairs]
    assert len(set(labels)) == 1000, sorted({label for label in labels if labels.count(label) > 1})
    return [{"label": label, "short": short or label, "group": group}
            for (label, short), group in zip(pairs, groups())]


if __name__ == "__main__":
    folder, rows = Path(__file__).resolve().parent.parent, classes()
    (folder / "labels.txt").write_text("".join(row["label"] + "\n" for row in rows))
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "labels.json").write_text(f"[\n{lines}\n]\n")
    print("longest short label:", max((row["short"] for row in rows), key=len))
